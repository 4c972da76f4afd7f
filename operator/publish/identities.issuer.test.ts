import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { Authority } from '../identity/authority.ts';
import { Issuer } from '../identity/issuer.ts';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { silentLog } from '../kubernetes/testing/scripted-api.ts';
import type { ProxyFiles } from '../platform.ts';
import { workload } from '../testing/builders.ts';
import { TestIssuer } from '../testing/test-issuer.ts';
import { Identities } from './identities.ts';

const HOUR_MS = 3600 * 1000;
const LEAF_MS = 24 * HOUR_MS;
const WEB = workload('shop/web', { proxyId: 'proxy-1' });

describe('the certificates of workloads, of an issuer elsewhere', () => {
  let clock: FakeClock;
  let client: TestIssuer;
  let identities: Identities;
  let written: ProxyFiles | undefined;
  const make = async () => {
    const ownRequest = { spiffeId: undefined, dnsNames: ['o'] };
    const issuer = new Issuer({ client, ownRequest, clock, random: () => 0.5, log: silentLog });
    const root = { certificate: client.root.certificate, privateKey: '' };
    const authority = await Authority.load(root, LEAF_MS, issuer);
    const read = async () => written;
    return new Identities({ authority, trustDomain: 'cluster.local', clock, random: () => 0.5, read });
  };
  beforeEach(async () => {
    clock = new FakeClock();
    client = new TestIssuer(clock);
    await client.newRoot();
    written = undefined;
    identities = await make();
  });

  it('stay in use while it does not sign, are due all the time, and are renewed when it does', async () => {
    const first = await identities.ensure(WEB);
    client.isAway = true;
    await clock.advance(13 * HOUR_MS);
    assert.equal((await identities.ensure(WEB)).certificate, first.certificate);
    assert.equal(identities.isDue(WEB), true);
    client.isAway = false;
    await clock.advance(60_000);
    assert.notEqual((await identities.ensure(WEB)).certificate, first.certificate);
    assert.equal(identities.isDue(WEB), false);
  });

  it('are taken over from what was written, though they are due, by an operator that starts meanwhile', async () => {
    const first = await identities.ensure(WEB);
    written = { config: '{}', ...first };
    client.isAway = true;
    await clock.advance(13 * HOUR_MS);
    assert.equal((await (await make()).ensure(WEB)).certificate, first.certificate);
  });

  it('are refused once they have ended, and for who never had one', async () => {
    await identities.ensure(WEB);
    client.isAway = true;
    await clock.advance(25 * HOUR_MS);
    await assert.rejects(identities.ensure(WEB), /it is away/);
    await assert.rejects(identities.ensure(workload('shop/new', { proxyId: 'proxy-2' })), /it is away/);
  });
});

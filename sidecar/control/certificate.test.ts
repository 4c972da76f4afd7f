import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  createTestAuthority,
  OPERATOR_ID,
  type TestAuthority,
  WORKLOAD_ID,
} from '../../test/fixtures/certificate-authority.ts';
import { type IdentityTexts, readIdentity, refuseControlPlane, spiffeIdOf } from './certificate.ts';

const HOUR_MS = 3_600_000;
let authority: TestAuthority;
let other: TestAuthority;

before(async () => {
  authority = await createTestAuthority();
  other = await createTestAuthority('another root');
});

async function texts(options: Parameters<TestAuthority['issue']>[0] = {}): Promise<IdentityTexts> {
  return { ...(await authority.issue(options)), trustBundle: authority.root };
}

function refuses(value: IdentityTexts, reason: RegExp, nowMs = Date.now()): void {
  assert.throws(
    () => readIdentity(value, nowMs),
    (error: Error) => {
      assert.equal(error.name, 'InvalidIdentity');
      assert.match(error.message, reason);
      assert.ok(!error.message.includes('PRIVATE'), 'the key stays out of the reason');
      return true;
    },
  );
}

describe('reading an identity', () => {
  it('reads a good one', async () => {
    const value = await texts({ dns: ['p1'] });
    const identity = readIdentity(value, Date.now());
    assert.equal(identity.spiffeId, WORKLOAD_ID);
    assert.equal(identity.trustDomain, 'test.example');
    assert.equal(identity.notAfterMs, new X509Certificate(value.certificate).validToDate.getTime());
  });

  it('takes a bundle with several roots', async () => {
    const value = await texts();
    const identity = readIdentity({ ...value, trustBundle: other.root + authority.root }, Date.now());
    assert.equal(identity.spiffeId, WORKLOAD_ID);
  });

  it('refuses the key of another certificate', async () => {
    const { privateKey } = await texts();
    refuses({ ...(await texts()), privateKey }, /does not belong/);
  });

  it('refuses a chain to another root, even one of the same name', async () => {
    refuses({ ...(await texts()), trustBundle: other.root }, /does not chain/);
    refuses({ ...(await texts()), trustBundle: (await createTestAuthority()).root }, /does not chain/);
  });

  it('refuses what expired and what is not yet valid, by the clock it is given', async () => {
    const value = await texts();
    refuses(value, /expired at 20/, Date.now() + 2 * HOUR_MS);
    refuses(value, /valid only from 20/, Date.now() - HOUR_MS);
  });

  it('refuses a certificate of an authority', async () => {
    refuses(await texts({ isAuthority: true }), /of a certificate authority/);
  });

  for (const [name, uris] of [
    ['no URI', []],
    ['two SPIFFE IDs', [WORKLOAD_ID, OPERATOR_ID]],
    ['a SPIFFE ID and another URI', [WORKLOAD_ID, 'https://example.com']],
    ['a URI that is no SPIFFE ID', ['https://example.com']],
    ['a SPIFFE ID of another form', ['spiffe://test.example/web']],
  ] as const) {
    it(`refuses a certificate with ${name}`, async () => {
      refuses(await texts({ uris }), /exactly one SPIFFE ID/);
    });
  }

  it('does not take a DNS name for a URI, however it is written', async () => {
    const odd = `a, URI:${WORKLOAD_ID}, DNS:b`;
    const { certificate } = await authority.issue({ uris: [], dns: [odd] });
    assert.equal(spiffeIdOf(new X509Certificate(certificate)), undefined);
  });

  it('refuses texts that are nothing', async () => {
    const value = await texts();
    refuses({ ...value, certificate: 'nothing' }, /the certificate is not PEM/);
    refuses({ ...value, trustBundle: '' }, /the trust bundle is not PEM/);
    refuses({ ...value, privateKey: 'nothing' }, /the private key cannot be parsed/);
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    refuses({ ...value, certificate: broken }, /the certificate cannot be parsed/);
    refuses({ ...value, trustBundle: authority.root.repeat(65) }, /more than 64/);
  });
});

describe('the control plane', () => {
  it('is known by its SPIFFE ID and nothing else', async () => {
    const of = async (options: object) => new X509Certificate((await authority.issue(options)).certificate);
    assert.equal(refuseControlPlane(await of({ spiffeId: OPERATOR_ID }), OPERATOR_ID), undefined);
    assert.match(refuseControlPlane(await of({}), OPERATOR_ID) ?? '', /says spiffe:.*sa\/web, not/);
    const named = await of({ uris: [], dns: ['weft-operator.weft-system.svc'] });
    assert.match(refuseControlPlane(named, OPERATOR_ID) ?? '', /exactly one SPIFFE ID/);
  });
});

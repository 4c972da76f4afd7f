import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { IDENTITY_PATH } from '../../api/stream.ts';
import type { TokenHolder } from '../platform.ts';
import { StreamFixture, WEB } from '../testing/stream-fixture.ts';
import { until } from '../testing/until.ts';

const HOLDER: TokenHolder = { namespace: 'shop', pod: 'web', podUid: WEB.uid, serviceAccount: 'web' };

describe('the first identity', () => {
  let fixture: StreamFixture;
  before(async () => {
    fixture = await StreamFixture.start();
    fixture.source.issued = { ...(await fixture.leafOf()), trustBundle: fixture.authority.trustBundle };
    fixture.source.tokens.set('good', HOLDER);
    fixture.source.tokens.set('other-pod', { ...HOLDER, podUid: 'another' });
    fixture.source.tokens.set('other-account', { ...HOLDER, serviceAccount: 'pay' });
    fixture.source.tokens.set('other-namespace', { ...HOLDER, namespace: 'evil' });
  });
  after(() => fixture.stop());

  it('is given, with the configuration, to the pod the proxy id belongs to', async () => {
    const sidecar = fixture.askIdentity('good', { proxyId: 'proxy-web' });
    const identity = await sidecar.get('identity');
    await sidecar.get('config');
    assert.equal(sidecar.status, 200);
    assert.equal(identity.certificate, fixture.source.issued!.certificate);
    assert.equal(identity.privateKey, fixture.source.issued!.privateKey);
  });

  const refused: [string, string, unknown, number][] = [
    ['with a token that is not valid', 'unknown', { proxyId: 'proxy-web' }, 401],
    ['with the token of another pod', 'other-pod', { proxyId: 'proxy-web' }, 403],
    ['with the token of another service account', 'other-account', { proxyId: 'proxy-web' }, 403],
    ['with the token of another namespace', 'other-namespace', { proxyId: 'proxy-web' }, 403],
    ['for a proxy id that nobody has', 'good', { proxyId: 'proxy-none' }, 403],
    ['for no proxy id', 'good', {}, 400],
    ['for a body that does not end', 'good', { proxyId: 'x'.repeat(10_000) }, 400],
    ['with something that is no token', 'a b', { proxyId: 'proxy-web' }, 401],
  ];
  for (const [name, token, body, status] of refused) {
    it(`is refused ${name}`, async () => {
      const sidecar = fixture.askIdentity(token, body);
      await sidecar.get('error');
      assert.equal(sidecar.status, status);
      assert.equal(sidecar.of('identity').length, 0);
    });
  }

  it('is given while others, who need no token for it, send bodies that do not end', async () => {
    for (let count = 0; count < 100; count += 1) {
      const headers = { authorization: 'Bearer anything' };
      fixture.dial(undefined, { path: IDENTITY_PATH, headers }).stream.write('{"proxyId"');
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    const sidecar = fixture.askIdentity('good', { proxyId: 'proxy-web' });
    await until(() => sidecar.status !== undefined);
    assert.equal(sidecar.status, 200);
  });

  it('is put off when the authority is away', async () => {
    const { issued } = fixture.source;
    fixture.source.issued = undefined;
    const sidecar = fixture.askIdentity('good', { proxyId: 'proxy-web' });
    await sidecar.get('error');
    fixture.source.issued = issued;
    assert.equal(sidecar.status, 503);
  });
});

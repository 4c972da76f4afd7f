import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { ROOTS_MAX } from '../../api/stream.ts';
import { StreamFixture } from '../testing/stream-fixture.ts';
import { until } from '../testing/until.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

let fixture: StreamFixture;
beforeEach(async () => {
  await fixture?.stop();
  fixture = await StreamFixture.start();
  Object.assign(fixture.source, { trustBundle: 'both roots', roots: [A, B] });
});
after(() => fixture.stop());

async function join(roots?: readonly string[]) {
  const sidecar = fixture.dial(await fixture.leafOf());
  sidecar.send({ type: 'hello', proxyId: 'proxy-web', agent: 'test', ...(roots && { roots }) });
  await sidecar.get('config');
  return sidecar;
}

describe('the trust bundle on a stream', () => {
  it('is told to a sidecar that has another one, and to one that does not say what it has', async () => {
    for (const roots of [[A], [A, 'c'.repeat(64)], [], undefined]) {
      const { trustBundle } = await (await join(roots)).get('trust-bundle');
      assert.equal(trustBundle, 'both roots', JSON.stringify(roots));
    }
  });

  it('is not told to one that has it, in whatever order', async () => {
    const sidecar = await join([B, A]);
    assert.deepEqual(sidecar.of('trust-bundle'), []);
  });

  it('that changes alone is told, without certificate or key', async () => {
    const sidecar = await join([A, B]);
    fixture.source.trustBundle = 'the new root';
    fixture.server.trustChanged();
    const message = await sidecar.get('trust-bundle');
    assert.deepEqual(message, { type: 'trust-bundle', trustBundle: 'the new root' });
    fixture.server.trustChanged();
    sidecar.send({ type: 'ping' });
    fixture.source.configVersion = { version: { hash: 'config-2', policies: {} }, text: '{}' };
    fixture.server.configChanged('shop/web');
    await sidecar.get('config', 2);
    assert.equal(sidecar.of('trust-bundle').length, 1);
    assert.deepEqual(sidecar.of('identity'), []);
  });

  it('is known to be held when the sidecar says so, first in its hello', async () => {
    const sidecar = await join([A]);
    assert.deepEqual(fixture.acks.get('shop/web')?.roots, [A]);
    sidecar.send({ type: 'trusts', roots: [A, B] });
    await until(() => fixture.acks.get('shop/web')?.roots?.length === 2);
    sidecar.close();
    await until(() => fixture.acks.get('shop/web')?.connected === false);
    assert.deepEqual(fixture.acks.get('shop/web')?.roots, [A, B]);
    await join();
    assert.equal(fixture.acks.get('shop/web')?.roots, undefined);
  });

  for (const [what, roots] of Object.entries({
    'are no list': 'all',
    'are no fingerprints': ['A'.repeat(64)],
    'are absent': undefined,
    'are too many': Array.from({ length: ROOTS_MAX + 1 }, () => A),
  })) {
    it(`ends the stream of a sidecar whose roots ${what}`, async () => {
      const sidecar = await join([A, B]);
      sidecar.send({ type: 'trusts', roots });
      assert.equal((await sidecar.get('error')).code, 'bad-message');
      await sidecar.ended();
    });
  }
});

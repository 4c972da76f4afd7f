import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { RootSecret } from './root-secret.ts';
import { ObjectStore } from './testing/object-store.ts';
import { ScriptedApi } from './testing/scripted-api.ts';

const PATH = '/api/v1/namespaces/weft-system/secrets/weft-ca';
const block = (label: string, text: string) => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
const root = (name: string) => ({
  certificate: block('CERTIFICATE', name),
  privateKey: block('PRIVATE KEY', name),
});

let api: ScriptedApi;
let store: ObjectStore;
let secret: RootSecret;
beforeEach(async () => {
  api = await ScriptedApi.start();
  store = new ObjectStore();
  api.requests(store.answer);
  secret = new RootSecret(api.client, 'weft-system');
});
afterEach(() => api.stop());

const put = (data: Record<string, string>, resourceVersion = '5') => {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  store.objects.set(PATH, {
    metadata: { name: 'weft-ca', resourceVersion },
    data: Object.fromEntries(encoded),
  });
};
const one = { 'tls.crt': root('one').certificate, 'tls.key': root('one').privateKey };

describe('the Secret of the roots', () => {
  it('is read as an operator that did not rotate has written it', async () => {
    put(one);
    assert.deepEqual(await secret.load(), { ...root('one'), revision: '5' });
  });

  it('holds the next root, the one before and the state', async () => {
    put(one);
    const next = { ...root('one'), next: root('two'), rotation: '{}', revision: '5' };
    assert.equal(await secret.replace(next), true);
    assert.deepEqual(store.writes, ['PUT weft-ca']);
    assert.deepEqual({ ...(await secret.load()), revision: '5' }, next);
    const { revision } = (await secret.load())!;
    const previous = { ...root('two'), previous: root('one').certificate, rotation: '{}' };
    assert.equal(await secret.replace({ ...previous, ...(revision !== undefined && { revision }) }), true);
    const { revision: _revision, ...read } = (await secret.load())!;
    assert.deepEqual(read, previous);
  });

  it('is not written over what somebody else has written since', async () => {
    put(one, '6');
    assert.equal(await secret.replace({ ...root('two'), revision: '5' }), false);
    assert.deepEqual(store.writes, []);
  });

  it('that was removed is not brought back by a step', async () => {
    assert.equal(await secret.replace({ ...root('two'), revision: '5' }), false);
    assert.equal(await secret.load(), undefined);
  });

  it('of an issuer elsewhere has no key, and says so in its state', async () => {
    put({ ...one, 'tls.key': '', 'rotation.json': '{"isExternal":true}' });
    const { privateKey, rotation } = (await secret.load())!;
    assert.deepEqual([privateKey, rotation], ['', '{"isExternal":true}']);
  });

  const incomplete: Record<string, Record<string, string>> = {
    'no key': { 'tls.crt': one['tls.crt'] },
    nothing: {},
  };
  for (const [what, data] of Object.entries(incomplete)) {
    it(`with ${what} is refused, not replaced`, async () => {
      put(data);
      await assert.rejects(secret.load(), /has no certificate in tls.crt or no key/);
    });
  }
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findInstallation } from './installation.ts';
import { ApiLeaseStore } from './lease-store.ts';
import type { ObjectMeta } from './objects.ts';
import { ObjectStore } from './testing/object-store.ts';
import { json, ScriptedApi, status } from './testing/scripted-api.ts';

const ACCOUNT = { username: 'system:serviceaccount:weft-system:weft-operator', uid: 'u1' };
const OWNER = {
  ...{ apiVersion: 'v1', kind: 'ServiceAccount', name: 'weft-operator', uid: 'u1' },
  blockOwnerDeletion: false,
};

describe('The installation', () => {
  let api: ScriptedApi;

  beforeEach(async () => {
    api = await ScriptedApi.start();
  });
  afterEach(() => api.stop());

  const find = () => findInstallation(api.client, 'weft-system');

  it('is the service account that the API server knows us by', async () => {
    api.requests(json({ status: { userInfo: ACCOUNT } }));
    assert.deepEqual(await find(), OWNER);
    assert.deepEqual(
      api.seen.map(({ method, path }) => [method, path]),
      [['POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews']],
    );
  });

  for (const [what, answer] of Object.entries({
    'of another namespace': { status: { userInfo: { ...ACCOUNT, username: 'system:serviceaccount:a:b' } } },
    'a person': { status: { userInfo: { username: 'jane', uid: 'u1' } } },
    'without a uid': { status: { userInfo: { username: ACCOUNT.username } } },
    'with a uid that is no text': { status: { userInfo: { ...ACCOUNT, uid: 1 } } },
    'not told': {},
  })) {
    it(`is nobody where we are ${what}`, async () => {
      api.requests(json(answer));
      assert.equal(await find(), undefined);
    });
  }

  for (const code of [403, 404]) {
    it(`is nobody where the API server answers ${code}`, async () => {
      api.requests(status(code));
      assert.equal(await find(), undefined);
    });
  }

  it('is not known yet while the API server is in trouble', async () => {
    api.requests(status(503));
    await assert.rejects(find(), { status: 503 });
  });

  it('owns the Lease, also one that was made before it', async () => {
    const store = new ObjectStore();
    api.requests(store.answer);
    const path = '/apis/coordination.k8s.io/v1/namespaces/weft-system/leases/weft-operator';
    const owners = () => (store.objects.get(path)?.metadata as ObjectMeta | undefined)?.ownerReferences;
    const record = { holder: 'a', durationMs: 15_000, acquiredUnixMs: 1, renewedUnixMs: 1, transitions: 0 };
    const leases = (owner?: typeof OWNER) =>
      new ApiLeaseStore(api.client, 'weft-system', 'weft-operator', () => owner);
    await leases().create(record);
    assert.equal(owners(), undefined);
    const stored = (await leases().read())!;
    await leases(OWNER).update(stored, record);
    assert.deepEqual(owners(), [OWNER]);
    await leases().update((await leases().read())!, record);
    assert.deepEqual(owners(), [OWNER]);
  });
});

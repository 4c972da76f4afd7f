import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Authority, createRoot } from '../identity/authority.ts';
import { IssuerError } from '../identity/issuer-error.ts';
import type { ObjectMeta, OwnerReference } from './objects.ts';
import { ObjectStore } from './testing/object-store.ts';
import { ScriptedApi } from './testing/scripted-api.ts';
import { type ServingAuthority, WebhookCertificate } from './webhook-certificate.ts';

const HOUR_MS = 3_600_000;
const SECRET = '/api/v1/namespaces/weft-system/secrets/weft-injector-tls';
const WEBHOOK = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-injector';

describe('WebhookCertificate', () => {
  let api: ScriptedApi;
  let store: ObjectStore;
  let nowMs: number;

  beforeEach(async () => {
    api = await ScriptedApi.start();
    store = new ObjectStore();
    api.requests(store.answer);
    nowMs = Date.UTC(2026, 0, 1);
    store.objects.set(WEBHOOK, {
      webhooks: [{ name: 'a' }, { name: 'b' }],
      metadata: { name: 'weft-injector' },
    });
  });
  afterEach(() => api.stop());

  const newAuthority = async () => Authority.load(await createRoot('cluster.local', nowMs));
  const reconcile = (authority: ServingAuthority, owner?: OwnerReference) =>
    new WebhookCertificate({
      ...{ api: api.client, namespace: 'weft-system', authority, nowMs: () => nowMs },
      ...(owner && { owner }),
    }).reconcile();
  const leaf = () => (store.objects.get(SECRET)?.data as Record<string, string> | undefined)?.['tls.crt'];

  it('trusts the root everywhere before anything signed by it is served', async () => {
    await reconcile(await newAuthority());
    assert.deepEqual(store.writes, [
      'POST weft-trust-bundle',
      'PATCH weft-injector',
      'POST weft-injector-tls',
    ]);
  });

  it('writes nothing when all is right', async () => {
    const authority = await newAuthority();
    await reconcile(authority);
    store.writes.length = 0;
    await reconcile(authority);
    assert.deepEqual(store.writes, []);
  });

  it('keeps the one that serves as long as it lives when an issuer does not sign, and renews the bundle', async () => {
    const authority = await newAuthority();
    await reconcile(authority);
    const first = leaf();
    const away: ServingAuthority = {
      trustBundle: `# later\n${authority.trustBundle}`,
      issueServer: () => Promise.reject(new IssuerError('TimedOut', 'it is away')),
    };
    nowMs += 23 * HOUR_MS;
    await reconcile(away);
    assert.equal(leaf(), first);
    const { data } = store.objects.get(SECRET) as { data: Record<string, string> };
    assert.equal(Buffer.from(data['ca.crt']!, 'base64').toString('utf8'), away.trustBundle);
    nowMs += 2 * HOUR_MS;
    await assert.rejects(reconcile(away), /it is away/);
  });

  it('renews at half of the certificate’s life and not before', async () => {
    const authority = await newAuthority();
    await reconcile(authority);
    const first = leaf();
    nowMs += 11 * HOUR_MS;
    await reconcile(authority);
    assert.equal(leaf(), first);
    nowMs += 2 * HOUR_MS;
    await reconcile(authority);
    assert.notEqual(leaf(), first);
  });

  it('issues anew when the root is another one', async () => {
    await reconcile(await newAuthority());
    const first = leaf();
    await reconcile(await newAuthority());
    assert.notEqual(leaf(), first);
  });

  it('keeps the certificate while its root is one of several that are trusted', async () => {
    const [old, next] = [await newAuthority(), await newAuthority()];
    await reconcile(old);
    const first = leaf();
    await reconcile({
      issueServer: (dnsNames, atMs) => next.issueServer(dnsNames, atMs),
      trustBundle: next.trustBundle + old.trustBundle,
    });
    assert.equal(leaf(), first);
  });

  for (const [what, data] of Object.entries({
    unreadable: { 'tls.crt': 'bm9uc2Vuc2U=', 'tls.key': 'bm9uc2Vuc2U=' },
    empty: {},
    absent: undefined,
  })) {
    it(`replaces data that is ${what}`, async () => {
      const authority = await newAuthority();
      store.objects.set(SECRET, { data });
      await reconcile(authority);
      assert.match(Buffer.from(leaf() ?? '', 'base64').toString(), /BEGIN CERTIFICATE/);
    });
  }

  it('puts a caBundle back that an upgrade took away, and touches only that webhook', async () => {
    const authority = await newAuthority();
    await reconcile(authority);
    const caBundle = Buffer.from(authority.trustBundle).toString('base64');
    store.objects.set(WEBHOOK, { webhooks: [{ name: 'a', clientConfig: { caBundle } }, { name: 'b' }] });
    await reconcile(authority);
    const patch = api.seen.filter(({ method }) => method === 'PATCH').at(-1);
    assert.deepEqual(patch?.body, { metadata: {}, webhooks: [{ name: 'b', clientConfig: { caBundle } }] });
    assert.equal(patch?.contentType, 'application/strategic-merge-patch+json');
  });

  it('has the certificate go with the installation, also one that an earlier version or installation made', async () => {
    const authority = await newAuthority();
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', name: 'weft-operator', uid: 'u1' };
    const owners = () => (store.objects.get(SECRET)?.metadata as ObjectMeta | undefined)?.ownerReferences;
    await reconcile(authority);
    assert.equal(owners(), undefined);
    const first = leaf();
    await reconcile(authority, account);
    assert.deepEqual(owners(), [account]);
    await reconcile(authority, { ...account, uid: 'u2' });
    assert.deepEqual(owners(), [{ ...account, uid: 'u2' }]);
    assert.equal(leaf(), first);
    store.writes.length = 0;
    await reconcile(authority, { ...account, uid: 'u2' });
    assert.deepEqual(store.writes, []);
    store.objects.delete(SECRET);
    await reconcile(authority, account);
    assert.deepEqual(owners(), [account]);
  });

  it('does without a webhook configuration until there is one', async () => {
    store.objects.delete(WEBHOOK);
    await reconcile(await newAuthority());
    assert.deepEqual(store.writes, ['POST weft-trust-bundle', 'POST weft-injector-tls']);
  });
});

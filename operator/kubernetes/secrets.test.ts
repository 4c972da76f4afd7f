import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Workload } from '../mesh/model.ts';
import type { ProxyFiles } from '../platform.ts';
import { ProxySecrets } from './secrets.ts';
import { json, ScriptedApi, status } from './testing/scripted-api.ts';

const workload = { key: 'shop/web', namespace: 'shop', name: 'web', uid: 'u1', proxyId: 'abc' } as Workload;
const files: ProxyFiles = { config: '{}', certificate: 'C', privateKey: 'K', trustBundle: 'T' };
const ours = (data: object) => ({
  metadata: { name: 'weft-proxy-abc', resourceVersion: '5', ownerReferences: [{ kind: 'Pod', uid: 'u1' }] },
  type: 'weft.dev/proxy',
  data,
});

describe('ProxySecrets against a changing world', () => {
  let api: ScriptedApi;
  let secrets: ProxySecrets;
  beforeEach(async () => {
    api = await ScriptedApi.start();
    secrets = new ProxySecrets(api.client);
  });
  afterEach(() => api.stop());
  const methods = () => api.seen.map(({ method }) => method);

  it('looks again when another created it first', async () => {
    api.requests(status(404), status(409, 'AlreadyExists'), json(ours({ old: 'x' })), json({}));
    await secrets.write(workload, files);
    assert.deepEqual(methods(), ['GET', 'POST', 'GET', 'PUT']);
  });

  it('looks again when it changed since it was read, and names the version it read', async () => {
    api.requests(json(ours({})), status(409, 'Conflict'), json(ours({ other: 'x' })), json({}));
    await secrets.write(workload, files);
    assert.deepEqual(methods(), ['GET', 'PUT', 'GET', 'PUT']);
    const written = api.seen[3]?.body as ReturnType<typeof ours>;
    assert.equal(written.metadata.resourceVersion, '5');
    assert.deepEqual(Object.keys(written.data).sort(), ['ca.crt', 'config.json', 'tls.crt', 'tls.key']);
  });

  it('writes destinations with the rest, keeps those it does not know, and never for their sake', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const { config, certificate, privateKey, trustBundle } = files;
    const same = {
      'config.json': base64(config),
      'tls.crt': base64(certificate),
      'tls.key': base64(privateKey),
    };
    const held = { ...same, 'ca.crt': base64(trustBundle), 'destinations.json': base64('[1]') };
    const written = () => (api.seen.at(-1)?.body as ReturnType<typeof ours> | undefined)?.data;
    api.requests(json(ours(held)), json(ours(held)), json({}), json(ours(held)), json({}));
    await secrets.write(workload, { ...files, destinations: '[2]' });
    assert.deepEqual(methods(), ['GET']);
    await secrets.write(workload, { ...files, certificate: 'D', destinations: '[2]' });
    assert.deepEqual(written(), { ...held, 'tls.crt': base64('D'), 'destinations.json': base64('[2]') });
    await secrets.write(workload, { ...files, certificate: 'E' });
    assert.deepEqual(written(), { ...held, 'tls.crt': base64('E') });
    api.requests(json(ours(held)));
    assert.deepEqual(await secrets.read(workload), { ...files, destinations: '[1]' });
  });

  it('creates it when it was deleted since it was read', async () => {
    api.requests(json(ours({})), status(404), status(404), json({}, 201));
    await secrets.write(workload, files);
    assert.deepEqual(methods(), ['GET', 'PUT', 'GET', 'POST']);
  });

  it('gives up after a few conflicts and says so', async () => {
    const conflict = [json(ours({})), status(409, 'Conflict')];
    api.requests(...Array.from({ length: 5 }, () => conflict).flat(), json({}));
    await assert.rejects(secrets.write(workload, files), { status: 409 });
    assert.equal(api.seen.length, 10);
  });

  it('is quiet when the namespace is gone', async () => {
    api.requests(status(404));
    await secrets.write(workload, files);
    assert.deepEqual(methods(), ['GET', 'POST', 'GET', 'POST']);
  });

  it('reports what it may not do', async () => {
    api.requests(status(403, 'Forbidden'));
    await assert.rejects(secrets.write(workload, files), { status: 403, reason: 'Forbidden' });
  });

  it('reads nothing from a Secret that lacks a file', async () => {
    api.requests(json(ours({ 'config.json': 'e30=', 'tls.crt': 'Qw==', 'ca.crt': 'VA==' })));
    assert.equal(await secrets.read(workload), undefined);
  });

  it('deletes only the very Secret it looked at', async () => {
    const object = ours({});
    api.requests(json({ ...object, metadata: { ...object.metadata, uid: 'secret-uid' } }), json({}));
    await secrets.remove(workload);
    const body = api.seen[1]?.body as { preconditions?: object } | undefined;
    assert.deepEqual(body?.preconditions, { uid: 'secret-uid' });
  });

  it('cannot be led out of its path by an id', async () => {
    api.requests(status(404));
    await secrets.read({ ...workload, proxyId: '../../weft-ca?x=' });
    assert.equal(api.seen[0]?.path, '/api/v1/namespaces/shop/secrets/weft-proxy-..%2F..%2Fweft-ca%3Fx%3D');
  });

  it('never says in an error what the Secret holds', async () => {
    const privateKey = 'VERY-PRIVATE';
    api.requests(json(ours({})), json({ kind: 'Status', message: `rejected ${privateKey}` }, 422));
    const outcome = secrets.write(workload, { ...files, privateKey });
    await assert.rejects(outcome, (error: Error) => !error.message.includes(privateKey));
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../clock.ts';
import { IssuerError, type IssuerProblem } from '../identity/issuer-error.ts';
import { CertManager } from './cert-manager.ts';
import { type Answer, events, json, list, ScriptedApi, status } from './testing/scripted-api.ts';

const PATH = '/apis/cert-manager.io/v1/namespaces/mesh/certificaterequests';
const PENDING = { metadata: { name: 'weft-1', resourceVersion: '7' } };
const encode = (text: string) => Buffer.from(text).toString('base64');
const condition = (type: string, value: string, reason = '', message = '') => ({
  ...{ type, status: value, reason, message },
});
const seen = (conditions: readonly object[], more: object = {}, type = 'MODIFIED') => ({
  type,
  object: { metadata: { name: 'weft-1', resourceVersion: '8' }, status: { conditions, ...more } },
});
const READY = [condition('Approved', 'True'), condition('Ready', 'True', 'Issued')];

let api: ScriptedApi;
let stopping: AbortController;
beforeEach(async () => {
  api = await ScriptedApi.start();
  stopping = new AbortController();
  api.requests(json(PENDING, 201), json({}));
});
afterEach(() => api.stop());

const manager = (timeoutMs = 5_000) =>
  new CertManager({
    ...{ api: api.client, namespace: 'mesh', clock: systemClock, signal: stopping.signal, timeoutMs },
    issuer: { kind: 'ClusterIssuer', name: 'mesh-ca', group: 'cert-manager.io' },
    owner: () => OWNER,
  });
const OWNER = { apiVersion: 'v1', kind: 'ServiceAccount', name: 'weft-operator', uid: 'u' };
const deleted = () => api.lists.filter(({ method }) => method === 'DELETE').map(({ path }) => path);
const rejects = async (problem: IssuerProblem, why: RegExp, timeoutMs?: number) =>
  assert.rejects(
    manager(timeoutMs).sign('REQUEST', 90_000),
    (error) => error instanceof IssuerError && error.problem === problem && why.test(error.message),
  );

describe('cert-manager', () => {
  it('is asked with one request, and what it has signed is read and the request deleted', async () => {
    api.watches(
      events(
        seen([condition('Approved', 'True')]),
        seen(READY, { certificate: encode('LEAF'), ca: encode('CA') }),
      ),
    );
    assert.deepEqual(await manager().sign('REQUEST', 90_000), { certificate: 'LEAF', ca: 'CA' });
    const [created] = api.lists;
    assert.deepEqual([created!.method, created!.path], ['POST', PATH]);
    const { metadata, spec } = created!.body as Record<string, Record<string, unknown>>;
    assert.equal(metadata!.generateName, 'weft-');
    assert.deepEqual(metadata!.ownerReferences, [OWNER]);
    assert.deepEqual(spec, {
      request: encode('REQUEST'),
      duration: '90s',
      issuerRef: { kind: 'ClusterIssuer', name: 'mesh-ca', group: 'cert-manager.io' },
      usages: ['digital signature', 'server auth', 'client auth'],
      isCA: false,
    });
    assert.equal(api.watched[0]!.query.get('fieldSelector'), 'metadata.name=weft-1');
    assert.deepEqual(deleted(), [`${PATH}/weft-1`]);
  });

  it('that names no CA gives an answer without one', async () => {
    api.watches(events(seen(READY, { certificate: encode('LEAF') })));
    assert.deepEqual(await manager().sign('REQUEST', 1_000), { certificate: 'LEAF', ca: '' });
  });

  it('is watched again when a watch ends', async () => {
    const ends: Answer = (response) => response.writeHead(200).end();
    api.watches(ends, events(seen(READY, { certificate: encode('LEAF') })));
    assert.equal((await manager().sign('REQUEST', 1_000)).certificate, 'LEAF');
    assert.equal(api.watched.length, 2);
  });

  const outcomes: readonly [what: string, event: object, problem: IssuerProblem, why: RegExp][] = [
    ['denied', seen([condition('Denied', 'True', 'Policy', 'not you')]), 'Denied', /denied: not you/],
    ['denied, by Ready', seen([condition('Ready', 'False', 'Denied', 'no')]), 'Denied', /denied: no/],
    ['failed', seen([condition('Ready', 'False', 'Failed', 'no\nkey')]), 'Failed', /has failed: no key/],
    ['invalid', seen([condition('InvalidRequest', 'True', '', 'x'.repeat(900))]), 'Failed', /x{200}…$/],
    ['deleted', seen([], {}, 'DELETED'), 'Failed', /deleted by somebody else/],
  ];
  for (const [what, event, problem, why] of outcomes) {
    it(`says when a request was ${what}, and deletes it`, async () => {
      api.watches(events(event));
      await rejects(problem, why);
      assert.deepEqual(deleted(), [`${PATH}/weft-1`]);
    });
  }

  const waits: readonly [what: string, sent: object[], why: RegExp][] = [
    ['that nobody looks at', [], /does cert-manager run/],
    ['that is not approved', [seen([condition('Other', 'True')])], /neither approved nor denied/],
    ['that no issuer takes up', [seen([condition('Approved', 'True')])], /no issuer has taken it up/],
    [
      'for an issuer that is not there',
      [seen([condition('Ready', 'False', 'Pending', 'Issuer not found')])],
      /it says: Issuer not found/,
    ],
    [
      'with a status of another shape',
      [{ type: 'MODIFIED', object: { status: { conditions: 7 } } }],
      /not signed/,
    ],
  ];
  for (const [what, sent, why] of waits) {
    it(`does not wait for ever for a request ${what}`, async () => {
      api.watches(events(...sent));
      await rejects('TimedOut', why, 300);
      assert.deepEqual(deleted(), [`${PATH}/weft-1`]);
    });
  }

  const refusals: readonly [code: number, problem: IssuerProblem, why: RegExp][] = [
    [404, 'NotInstalled', /is cert-manager installed/],
    [403, 'Forbidden', /may not create/],
    [422, 'Failed', /422/],
    [500, 'Unreachable', /500/],
  ];
  for (const [code, problem, why] of refusals) {
    it(`says what an answer of ${code} means`, async () => {
      api.requests(status(code));
      await rejects(problem, why);
      assert.deepEqual(deleted(), []);
    });
  }

  it('does not keep an operator that stops', async () => {
    api.watches(events());
    const asked = rejects('Unreachable', /./, 60_000);
    setTimeout(() => stopping.abort(), 50);
    await asked;
  });

  it('is swept of requests that nobody can be waiting for any more', async () => {
    const at = (ago: number) => new Date(Date.now() - ago).toISOString();
    const request = (name: string, ago: number) => ({ metadata: { name, creationTimestamp: at(ago) } });
    api.requests(list('9', [request('old', 20_000), request('young', 5_000), { metadata: {} }]), json({}));
    await manager().sweep();
    assert.deepEqual(deleted(), [`${PATH}/old`]);
    assert.equal(api.lists[0]!.query.get('labelSelector'), 'app.kubernetes.io/managed-by=weft-operator');
    api.requests(status(404));
    await manager().sweep();
  });

  it('has the operator’s own certificate kept, in place of the one before', async () => {
    api.requests(status(409, 'AlreadyExists'), json({}));
    await manager().storeOwnLeaf({ certificate: 'C', privateKey: 'K' });
    assert.deepEqual(
      api.lists.map(({ method }) => method),
      ['POST', 'PUT'],
    );
    api.requests(json({ data: { 'tls.crt': encode('C'), 'tls.key': encode('K') } }));
    assert.deepEqual(await manager().loadOwnLeaf(), { certificate: 'C', privateKey: 'K' });
    api.requests(status(404));
    assert.equal(await manager().loadOwnLeaf(), undefined);
  });
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { CaReport } from '../../api/ca-report.ts';
import { systemClock } from '../../operator/clock.ts';
import { certificatesIn, fingerprintOf } from '../../operator/identity/trust-bundle.ts';
import type { ConfigMapObject, SecretObject } from '../../operator/kubernetes/objects.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import { Operator } from '../../operator/operator.ts';
import { TestSidecar } from '../../operator/testing/test-sidecar.ts';
import { NAMESPACE, OperatorCluster } from './operator-cluster.fixture.ts';

const LEAF_MS = 20_000;
/** The next root is made four lifetimes before the end of this one: here seconds after the start. */
const ROOT_MS = 4 * LEAF_MS + 6_000;
const PROXY_ID = 'rotated';
const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe('the rotation of the root, by two operators on a real API server', { timeout: 120_000 }, () => {
  let cluster: OperatorCluster;
  let leader: Operator;
  let follower: Operator;
  let sidecar: TestSidecar;
  let first: readonly string[];

  before(async () => {
    cluster = await OperatorCluster.start();
    await cluster.meshedPod('web', PROXY_ID);
    await cluster.setPodReady('shop/web', '10.1.2.3');
    leader = await startOperator('operator-a', '127.0.0.1');
    await until('the first leads', () => leader.metrics().weft_operator_leader === 1, 30_000);
    first = leader.authority.roots;
    follower = await startOperator('operator-b', '127.0.0.2', leader.streamAddress);
    const { data } = await read<SecretObject>(`/api/v1/namespaces/shop/secrets/weft-proxy-${PROXY_ID}`);
    const leaf = { certificate: decode(data?.['tls.crt']), privateKey: decode(data?.['tls.key']) };
    const port = Number(leader.streamAddress.split(':').at(-1));
    sidecar = new TestSidecar({ host: '127.0.0.2', port }, follower.authority.trustBundle, leaf);
    sidecar.send({ type: 'hello', proxyId: PROXY_ID, agent: 'test', roots: follower.authority.roots });
    await sidecar.get('config');
  });
  after(async () => {
    sidecar?.close();
    await follower?.stop();
    await cluster?.stop();
  });

  async function startOperator(name: string, host: string, streamAddress?: string): Promise<Operator> {
    await cluster.createPod(name, { serviceAccountName: 'weft-operator' }, NAMESPACE);
    await cluster.setPodReady(`${NAMESPACE}/${name}`, host);
    const port = streamAddress === undefined ? 0 : Number(streamAddress.split(':').at(-1));
    return Operator.start({
      ...{
        platform: cluster.makePlatform(name),
        trustDomain: 'cluster.local',
        controlPlaneNamespace: NAMESPACE,
      },
      ...{ listen: { host, port }, ...(streamAddress !== undefined && { streamAddress }) },
      ...{ leafLifetimeMs: LEAF_MS, rootLifetimeMs: ROOT_MS, rotateRootAfter: 0.99 },
      ...{ clock: systemClock, random: Math.random, log: silent },
    });
  }
  async function read<T>(path: string): Promise<T> {
    await until(path, () => cluster.exists(path), 30_000);
    return cluster.get<T>(path);
  }
  const report = async (): Promise<CaReport> => {
    const map = await read<ConfigMapObject>(`/api/v1/namespaces/${NAMESPACE}/configmaps/weft-trust-bundle`);
    return JSON.parse(map.data?.['rotation.json'] ?? '{"phase":""}') as CaReport;
  };
  const ca = () => read<SecretObject>(`/api/v1/namespaces/${NAMESPACE}/secrets/weft-ca`);

  test('gives the next root to both, to the sidecar of the follower, and into its Secret', async () => {
    await until('it has begun', () => leader.authority.roots.length === 2, 30_000);
    await until('the follower trusts it', () => follower.authority.roots.length === 2, 10_000);
    assert.deepEqual(follower.authority.roots, leader.authority.roots);
    const { trustBundle } = await sidecar.get('trust-bundle');
    assert.deepEqual(certificatesIn(trustBundle).map(fingerprintOf), leader.authority.roots);
    const path = `/api/v1/namespaces/shop/secrets/weft-proxy-${PROXY_ID}`;
    await until('the Secret has it', async () => {
      const { data } = await read<SecretObject>(path);
      return decode(data?.['ca.crt']) === leader.authority.trustBundle;
    });
  });

  test('waits for the sidecar alone, which has not said that it trusts it', async () => {
    const waitsForIt = async () => (await report()).waitingFor.join() === 'shop/web';
    await until('it alone is waited for', waitsForIt, 10_000);
    assert.equal((await report()).phase, 'Distributing');
    assert.deepEqual(leader.authority.roots[0], first[0]);
  });

  test('is gone on with by the next leader', async () => {
    await leader.stop();
    await cluster.admin.request('DELETE', `/api/v1/namespaces/${NAMESPACE}/pods/operator-a`, {
      query: { gracePeriodSeconds: '0' },
    });
    await until('the other leads', () => follower.metrics().weft_operator_leader === 1, 15_000);
    sidecar.send({ type: 'trusts', roots: follower.authority.roots });
    await until('the new root signs', () => follower.authority.roots[0] !== first[0], 20_000);
    const { data } = await ca();
    assert.equal(fingerprintOf(decode(data?.['tls.crt'])), follower.authority.roots[0]);
    assert.equal(fingerprintOf(decode(data?.['previous.crt'])), first[0]);
    assert.equal(data?.['next.key'], undefined);
    assert.deepEqual((await report()).silent, []);
  });

  test('renews the sidecar with it when that is due', async () => {
    const root = new X509Certificate(decode((await ca()).data?.['tls.crt']));
    await until(
      'the sidecar has it',
      () =>
        sidecar
          .of('identity')
          .some(({ certificate }) => new X509Certificate(certificate).verify(root.publicKey)),
      LEAF_MS,
    );
  });
});

const decode = (text = '') => Buffer.from(text, 'base64').toString('utf8');

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../operator/clock.ts';
import type { PolicyObject, SecretObject } from '../../operator/kubernetes/objects.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import { Operator } from '../../operator/operator.ts';
import { TestSidecar } from '../../operator/testing/test-sidecar.ts';
import { NAMESPACE, OperatorCluster } from './operator-cluster.fixture.ts';

const POLICY = '/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies/strict';
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const PROXY_ID = 'replicated';

interface Status {
  readonly observedGeneration: number;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  readonly proxies: { readonly targeted: number; readonly inForce: number };
}

/** Two operators as the chart runs them, each with an address of its own, and one sidecar. */
class Replicas {
  readonly cluster: OperatorCluster;
  readonly operators: Operator[] = [];
  port = 0;
  #sidecar: TestSidecar | undefined;

  constructor(cluster: OperatorCluster) {
    this.cluster = cluster;
  }

  async start(): Promise<void> {
    await this.#startOne('operator-a', '127.0.0.1');
    this.port = Number(this.operators[0]!.streamAddress.split(':').at(-1));
    await this.#startOne('operator-b', '127.0.0.2');
  }
  async #startOne(name: string, host: string): Promise<void> {
    const { cluster, port } = this;
    await cluster.createPod(name, { serviceAccountName: 'weft-operator' }, NAMESPACE);
    await cluster.setPodReady(`${NAMESPACE}/${name}`, host);
    const operator = await Operator.start({
      ...{
        platform: cluster.makePlatform(name),
        trustDomain: 'cluster.local',
        controlPlaneNamespace: NAMESPACE,
      },
      ...{ listen: { host, port }, ...(port > 0 && { streamAddress: this.operators[0]!.streamAddress }) },
      ...{ clock: systemClock, random: Math.random, log: silent },
    });
    this.operators.push(operator);
    if (port === 0)
      await until('the first leads', () => operator.metrics().weft_operator_leader === 1, 30_000);
  }

  async secret(): Promise<{ certificate: string; privateKey: string }> {
    const path = `/api/v1/namespaces/shop/secrets/weft-proxy-${PROXY_ID}`;
    await until('the Secret', () => this.cluster.exists(path), 30_000);
    const { data } = await this.cluster.get<SecretObject>(path);
    const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString();
    return { certificate: text('tls.crt'), privateKey: text('tls.key') };
  }

  /** The sidecar connects to one of them with what its Secret holds, and acks what it is told. */
  async connect(host: string): Promise<TestSidecar> {
    this.#sidecar?.close();
    const { trustBundle } = this.operators[0]!.authority;
    const sidecar = new TestSidecar({ host, port: this.port }, trustBundle, await this.secret());
    this.#sidecar = sidecar;
    sidecar.hello(PROXY_ID);
    await this.ack(1);
    return sidecar;
  }
  async ack(count: number): Promise<void> {
    const { config } = await this.#sidecar!.get('config', count);
    this.#sidecar!.send({ type: 'ack', version: config.version });
  }

  async status(): Promise<Status | undefined> {
    return (await this.cluster.get<PolicyObject>(POLICY)).status as Status | undefined;
  }
  async isInForce(reason = 'InForce'): Promise<boolean> {
    const conditions = (await this.status())?.conditions ?? [];
    return conditions.some((each) => each.type === 'InForce' && each.reason === reason);
  }

  async stop(): Promise<void> {
    this.#sidecar?.close();
    await Promise.all(this.operators.map((operator) => operator.stop()));
  }
}

describe('two operators on a real API server', () => {
  let cluster: OperatorCluster;
  let replicas: Replicas;
  before(async () => {
    cluster = await OperatorCluster.start();
    replicas = new Replicas(cluster);
    await cluster.meshedPod('web', PROXY_ID);
    await cluster.setPodReady('shop/web', '10.1.2.3');
    await cluster.createPolicy('strict');
    await replicas.start();
  });
  after(async () => {
    await replicas?.stop();
    await cluster?.stop();
  });

  test('count a sidecar that the follower serves', async () => {
    await replicas.connect('127.0.0.2');
    assert.equal(replicas.operators[1]!.metrics().weft_operator_leader, 0);
    await until('in force', () => replicas.isInForce(), 20_000);
    const { targeted, inForce } = (await replicas.status())!.proxies;
    assert.deepEqual([targeted, inForce], [1, 1]);
  });

  test('take a change to it, and its ack into the status', async () => {
    await cluster.admin.request('PATCH', POLICY, {
      contentType: 'application/merge-patch+json',
      body: { spec: { inbound: { mtls: { mode: 'Permissive' } } } },
    });
    await until('the ack is missed', async () => !(await replicas.isInForce()), 20_000);
    await replicas.ack(2);
    await until('in force again', () => replicas.isInForce(), 20_000);
  });

  test('go on when the leader goes: the other leads, and its sidecar keeps certificate and policy', async () => {
    const before = new X509Certificate((await replicas.secret()).certificate);
    await replicas.operators.shift()!.stop();
    await cluster.setPodReady(`${NAMESPACE}/operator-a`, '127.0.0.1', false);
    const [left] = replicas.operators;
    await until('the other leads', () => left!.metrics().weft_operator_leader === 1, 30_000);
    await cluster.admin.request('PATCH', POLICY, {
      contentType: 'application/merge-patch+json',
      body: { spec: { inbound: { mtls: { mode: 'Strict' } } } },
    });
    await replicas.ack(3);
    const isSeen = async () => (await replicas.status())?.observedGeneration === 3;
    await until('in force', async () => (await isSeen()) && (await replicas.isInForce()), 30_000);
    const now = new X509Certificate((await replicas.secret()).certificate);
    assert.equal(now.fingerprint256, before.fingerprint256);
  });
});

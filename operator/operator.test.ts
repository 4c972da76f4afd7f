import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { assertProxyConfig } from '../api/validate.ts';
import { systemClock } from './clock.ts';
import { Operator } from './operator.ts';
import { createFilesPlatform } from './platforms/files.ts';
import { TestSidecar } from './testing/test-sidecar.ts';
import { until } from './testing/until.ts';

const workload = (name: string, port: number, rest = '') => `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: ${name}, namespace: shop}
spec:
  serviceAccount: ${name}
  labels: {app: ${name}}
  service: ${name}
  ports: [{name: http, port: ${port}, appPort: ${port + 1}, protocol: HTTP}]
  admin: {port: ${port + 2}}
${rest}`;
const policy = (methods: string) => `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: payments, namespace: shop}
spec:
  target: {kind: Service, name: payments}
  inbound:
    mtls: {mode: Strict}
    authorization:
      rules: [{name: reads, action: Allow, from: [{serviceAccount: web}], to: [{methods: [${methods}]}]}]
`;

/** The whole operator, from a folder to a folder, with sidecars over real TLS. */
class Fixture {
  readonly logged: string[] = [];
  folder = '';
  state = '';
  operator!: Operator;
  readonly #sidecars: TestSidecar[] = [];

  async create(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'weft-docs-'));
    this.state = join(await mkdtemp(join(tmpdir(), 'weft-state-')), 'state');
    await this.write(
      'workloads.yaml',
      [
        workload('web', 18180, '  outbound: [{port: 18101, service: payments, servicePort: 18280}]\n'),
        workload('payments', 18280),
      ].join('---\n'),
    );
    await this.write('policy.yaml', policy('GET'));
  }
  async start(): Promise<void> {
    const note = (data: object, message: string) =>
      void this.logged.push(`${message} ${JSON.stringify(data)}`);
    const log = { debug: note, info: note, warn: note, error: note };
    this.operator = await Operator.start({
      platform: createFilesPlatform({
        folder: this.folder,
        stateFolder: this.state,
        clock: systemClock,
        log,
      }),
      ...{ trustDomain: 'cluster.local', controlPlaneNamespace: 'weft-system', clock: systemClock, log },
      listen: { host: '127.0.0.1', port: 0 },
      random: Math.random,
    });
  }
  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }
  async file(...path: string[]): Promise<string> {
    let text: string | undefined;
    let reading = false;
    await until(() => {
      if (!reading && text === undefined) {
        reading = true;
        readFile(join(this.state, ...path), 'utf8').then(
          (found) => {
            text = found;
          },
          () => {
            reading = false;
          },
        );
      }
      return text !== undefined;
    });
    return text!;
  }
  async sidecar(name: string): Promise<TestSidecar> {
    const leaf = {
      certificate: await this.file('proxies', `shop-${name}`, 'tls.crt'),
      privateKey: await this.file('proxies', `shop-${name}`, 'tls.key'),
    };
    const port = Number(this.operator.streamAddress.split(':').at(-1));
    const sidecar = new TestSidecar({ port }, this.operator.authority.trustBundle, leaf);
    this.#sidecars.push(sidecar);
    sidecar.hello(`shop-${name}`);
    return sidecar;
  }
  async status(
    holds: (status: {
      conditions: { type: string; status: string; reason: string; message: string }[];
    }) => boolean,
  ): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (holds(JSON.parse(await this.file('status', 'shop', 'payments.json')))) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the status never was as wanted: ${await this.file('status', 'shop', 'payments.json')}`);
  }
  async stop(): Promise<void> {
    for (const sidecar of this.#sidecars.splice(0)) sidecar.close();
    await this.operator.stop();
  }
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true });
    await rm(join(this.state, '..'), { recursive: true });
  }
}

let fixture: Fixture;
beforeEach(async () => {
  fixture = new Fixture();
  await fixture.create();
  await fixture.start();
});
afterEach(() => fixture.remove());

describe('the operator on a folder', () => {
  it('writes what a Secret would hold, as a mounted Secret looks, for its owner only', async () => {
    // The first time the links are made one after the other; this is the last of them.
    await fixture.file('proxies', 'shop-payments', 'ca.crt');
    const config: unknown = JSON.parse(await fixture.file('proxies', 'shop-payments', 'config.json'));
    assertProxyConfig(config);
    assert.equal(config.controlPlane.address, fixture.operator.streamAddress);
    assert.equal(config.inbound.ports[0]?.mtls, 'Strict');
    const folder = join(fixture.state, 'proxies', 'shop-payments');
    assert.deepEqual((await readdir(folder)).filter((name) => !name.startsWith('..')).sort(), [
      'ca.crt',
      'config.json',
      'tls.crt',
      'tls.key',
    ]);
    assert.equal(await readlink(join(folder, 'tls.key')), '..data/tls.key');
    for (const name of [join(folder, 'tls.key'), join(fixture.state, 'ca.pem')]) {
      assert.equal((await stat(name)).mode & 0o077, 0, name);
    }
  });

  it('brings a change of a policy to its proxy and the ack into its status', async () => {
    const sidecar = await fixture.sidecar('payments');
    const before = await sidecar.get('config');
    sidecar.send({ type: 'ack', version: before.config.version });
    await fixture.status(({ conditions }) =>
      conditions.some(({ type, status }) => type === 'InForce' && status === 'True'),
    );
    await fixture.write('policy.yaml', policy('GET, POST'));
    const { config } = await sidecar.get('config', 2);
    assert.deepEqual(config.inbound.rules[0].to, [{ methods: ['GET', 'POST'] }]);
    assert.deepEqual(Object.values(config.version.policies), [2]);
  });

  it('resolves a Service for whoever calls it, with the identity of its endpoints', async () => {
    const sidecar = await fixture.sidecar('web');
    const { config } = await sidecar.get('config');
    sidecar.send({ type: 'subscribe', key: config.listeners.outbound[0].destination });
    const { destination } = await sidecar.get('destination');
    assert.deepEqual(destination.endpoints, [
      {
        address: '127.0.0.1',
        port: 18280,
        workload: 'payments',
        namespace: 'shop',
        spiffeId: 'spiffe://cluster.local/ns/shop/sa/payments',
      },
    ]);
    await fixture.write(
      'more.yaml',
      workload('payments-2', 18380).replace('service: payments-2', 'service: payments'),
    );
    const { destination: more } = await sidecar.get('destination', 2);
    assert.deepEqual(
      more.endpoints.map(({ port }: { port: number }) => port),
      [18280, 18380],
    );
  });

  it('gives a new workload what others of its kind call, beside its configuration', async () => {
    const sidecar = await fixture.sidecar('web');
    const { config } = await sidecar.get('config');
    const key = config.listeners.outbound[0].destination;
    sidecar.send({ type: 'subscribe', key });
    const { destination } = await sidecar.get('destination');
    const other = workload('web-2', 18380)
      .replace('serviceAccount: web-2', 'serviceAccount: web')
      .replace('app: web-2', 'app: web');
    await fixture.write('more.yaml', other);
    const text = await fixture.file('proxies', 'shop-web-2', 'destinations.json');
    assert.deepEqual(JSON.parse(text), [{ key, destination }]);
  });

  it('keeps a policy in force that is changed into nonsense, and says where', async () => {
    const sidecar = await fixture.sidecar('payments');
    await sidecar.get('config');
    await fixture.status(({ conditions }) =>
      conditions.some(({ type, status }) => type === 'Accepted' && status === 'True'),
    );
    await fixture.write('policy.yaml', policy('GET').replace('mode: Strict', 'mode: Sometimes'));
    await fixture.status(({ conditions }) =>
      conditions.some(({ type, reason }) => type === 'Accepted' && reason === 'Invalid'),
    );
    await fixture.write('policy.yaml', policy('GET').replace('kind: Service', 'kind: [Service'));
    await until(() => fixture.logged.filter((line) => line.includes('policy.yaml:')).length >= 2);
    assert.ok(fixture.logged.some((line) => /policy\.yaml:7: spec\.inbound\.mtls\.mode/.test(line)));
    assert.ok(
      fixture.logged.some((line) => /policy\.yaml:5: /.test(line)),
      fixture.logged.join('\n'),
    );
    assert.equal(sidecar.of('config').length, 1);
  });

  it('forgets nothing over a restart: root, certificates, generations, what was accepted', async () => {
    await fixture.write('policy.yaml', policy('GET, POST'));
    await fixture.status(({ conditions }) => conditions.length > 0);
    await fixture.file('accepted', 'shop', 'payments.json');
    const certificate = await fixture.file('proxies', 'shop-payments', 'tls.crt');
    const { trustBundle } = fixture.operator.authority;
    await fixture.stop();
    await fixture.write('policy.yaml', policy('GET').replace('mode: Strict', 'mode: Sometimes'));
    await fixture.start();
    assert.equal(fixture.operator.authority.trustBundle, trustBundle);
    const sidecar = await fixture.sidecar('payments');
    const { config } = await sidecar.get('config');
    assert.equal(config.inbound.ports[0].mtls, 'Strict');
    assert.equal(await fixture.file('proxies', 'shop-payments', 'tls.crt'), certificate);
  });

  it('removes the files of a workload that went, and ends its stream', async () => {
    const sidecar = await fixture.sidecar('web');
    await sidecar.get('config');
    await fixture.write('workloads.yaml', workload('payments', 18280));
    assert.equal((await sidecar.get('error')).code, 'gone');
    await until(() => fixture.operator.metrics().weft_operator_workloads === 1);
  });

  it('never logs a key', async () => {
    await (await fixture.sidecar('web')).get('config');
    assert.equal(
      fixture.logged.some((line) => line.includes('PRIVATE KEY')),
      false,
    );
  });
});

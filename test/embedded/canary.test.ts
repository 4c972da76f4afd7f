import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { freePorts } from '../free-ports.ts';
import { APP, type Folder, makeFolder, type Run } from './folder.fixture.ts';

/** Two versions of one Service on one port number, each sidecar at an address of its own. */
interface Ports {
  readonly service: number;
  readonly v1: number;
  readonly v2: number;
  readonly outbound: number;
  readonly admin: number;
}

const VERSION = (version: string, appPort: number, { service, admin }: Ports, rest: string) => `
apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: api-${version}, namespace: demo}
spec:
  serviceAccount: api
  labels: {version: ${version}}
  app: {command: [node, app.mjs], env: {PORT: "${appPort}", VERSION: ${version}${rest.includes('HOST') ? ', HOST: 127.0.0.2' : ''}}}
  service: api
  ports: [{port: ${service}, appPort: ${appPort}, protocol: HTTP}]
  admin: {port: ${admin}}
${rest.includes('address') ? '  address: 127.0.0.2\n' : ''}`;

const WEB = ({ outbound, service }: Ports, admin: number) => `
apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: web, namespace: demo}
spec:
  serviceAccount: web
  outbound: [{port: ${outbound}, service: api, servicePort: ${service}}]
  admin: {port: ${admin}}
`;

const CANARY = `
apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: canary, namespace: demo}
spec:
  target: {kind: Service, name: api}
  traffic:
    routes:
      - name: testers
        match: [{headers: [{name: x-canary, value: "yes"}]}]
        backends: [{service: api, selector: {matchLabels: {version: v2}}}]
      - name: everyone
        backends:
          - {service: api, weight: 70, selector: {matchLabels: {version: v1}}}
          - {service: api, weight: 30, selector: {matchLabels: {version: v2}}}
`;

async function somePorts(): Promise<{ ports: Ports; webAdmin: number }> {
  const [service, v1, v2, outbound, admin, webAdmin] = await freePorts(6);
  const ports = { service: service!, v1: v1!, v2: v2!, outbound: outbound!, admin: admin! };
  return { ports, webAdmin: webAdmin! };
}

/** `ofV2`: what is said of v2 besides: `address`, and `HOST` for an app on the address of its sidecar. */
async function canary(ofV2: string): Promise<{ folder: Folder; ports: Ports }> {
  const { ports, webAdmin } = await somePorts();
  const documents = [
    VERSION('v1', ports.v1, ports, ''),
    VERSION('v2', ports.v2, ports, ofV2),
    WEB(ports, webAdmin),
  ];
  const folder = await makeFolder({
    'workloads.yaml': documents.join('---'),
    'policy.yaml': CANARY,
    'app.mjs': APP,
  });
  return { folder, ports };
}

describe('two versions of one Service on one port, by spec.address', () => {
  let folder: Folder;
  let ports: Ports;
  let run: Run;
  const ask = async (headers: Record<string, string> = {}, path = '/') => {
    const response = await fetch(`http://127.0.0.1:${ports.outbound}${path}`, { headers });
    return {
      status: response.status,
      text: await response.text(),
      error: response.headers.get('weft-error'),
    };
  };

  before(async () => {
    ({ folder, ports } = await canary('address'));
    run = folder.run();
    await run.says('its state is in');
  });
  after(async () => {
    await run.stop();
    await folder.remove();
  });

  it('have each its own app behind its own sidecar: who asks for v2 gets v2', async () => {
    for (let i = 0; i < 20; i++) assert.equal((await ask({ 'x-canary': 'yes' })).text, 'v2');
  });

  it('share requests by weight', async () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 300; i++) {
      const { text } = await ask();
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    // 90 of 300 with a deviation of 8: six of those either way
    const v2 = counts.get('v2') ?? 0;
    assert.ok(v2 > 42 && v2 < 138, `v2 got ${v2} of 300`);
    assert.equal((counts.get('v1') ?? 0) + v2, 300);
  });

  it('run on when one app dies, which is shown and started again', async () => {
    await ask({ 'x-canary': 'yes' }, '/die');
    await run.says(
      /the app of demo\/api-v2 ended \(exit code 7\); its log is .*; it is started again in 1 s/,
    );
    const down = await ask({ 'x-canary': 'yes' });
    // it is tried again for most of a second, and may meet the app that was started again; nobody else answers for it
    assert.ok(down.error === 'connect-failure' || down.text === 'v2', JSON.stringify(down));
    await run.says('the app of demo/api-v2 is started again');
    const deadline = performance.now() + 10_000;
    let text = '';
    while (text !== 'v2' && performance.now() < deadline) ({ text } = await ask({ 'x-canary': 'yes' }));
    assert.equal(text, 'v2');
  });

  it('end on Ctrl-C also with an app that waits to be started again', async () => {
    await ask({ 'x-canary': 'yes' }, '/die');
    await run.says(/api-v2 ended \(exit code 7\)[^\n]*started again in 2 s/);
    assert.equal(await run.stop(), 0, run.output());
  });
});

describe('a folder for two versions of one Service, with something wrong', () => {
  it('is told how to have one port twice', async () => {
    const { folder, ports } = await canary('');
    const run = folder.run();
    assert.equal(await run.ended, 2, run.output());
    const wanted = `port ${ports.service} of 127.0.0.1 is wanted by the inbound port of demo/api-v1 and by the inbound port of demo/api-v2`;
    assert.ok(run.output().includes(wanted), run.output());
    assert.match(run.output(), /give demo\/api-v2 an address of its own \(spec\.address: 127\.0\.0\.2/);
    await folder.remove();
  });

  it('is told where an app is looked for, while it listens on the address of its sidecar', async () => {
    const { folder, ports } = await canary('address HOST');
    const run = folder.run();
    await run.says(
      `the app of demo/api-v2: it does not listen on 127.0.0.1:${ports.v2}, its appPort: spec.address 127.0.0.2 is where its sidecar listens, the app belongs on 127.0.0.1`,
    );
    await run.stop();
    await folder.remove();
  });
});

describe('a folder with two Workloads of one name', () => {
  const twice = async (names: readonly [namespace: string, name: string][]) => {
    const ports = await freePorts(names.length);
    const documents = names.map(
      ([namespace, name], index) => `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: ${name}, namespace: ${namespace}}
spec: {serviceAccount: a, admin: {port: ${ports[index]}}}
`,
    );
    const folder = await makeFolder({ 'a.yaml': documents.join('---\n') });
    const run = folder.run();
    assert.equal(await run.ended, 2, run.output());
    await folder.remove();
    return run.output();
  };

  it('is refused at once, with both places', async () => {
    const said = await twice([
      ['demo', 'api'],
      ['demo', 'api'],
    ]);
    assert.match(said, /a\.yaml:6: Workload demo\/api stands at .*a\.yaml:1 already: rename or remove/);
    assert.doesNotMatch(said, /starting/);
  });

  it('is refused when two names make one proxy', async () => {
    const said = await twice([
      ['a-b', 'c'],
      ['a', 'b-c'],
    ]);
    assert.match(said, /a\.yaml:6: Workload a\/b-c and a-b\/c at .*a\.yaml:1 would share the proxy a-b-c/);
  });

  it('is refused when a name is too long for its certificate', async () => {
    assert.match(
      await twice([['demo', 'w'.repeat(63)]]),
      /too long together: make them at most 62 characters/,
    );
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Answer } from '../../api/analysis.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { AnalyzedCluster, answerOf, kubernetes, NEEDED, policyText } from './analyze.fixture.ts';

const STRICT: MeshPolicySpec = { inbound: { mtls: { mode: 'Strict' } } };
const PERMISSIVE: MeshPolicySpec = { inbound: { mtls: { mode: 'Permissive' } } };
const PAY = { kind: 'Service', name: 'pay' } as const;
const CHECK = { type: 'Check' } as const;
const PODS = 1_000;
const ROOT = join(import.meta.dirname, '../..');

describe('weft operator analyze on a Kubernetes cluster', () => {
  let mesh: AnalyzedCluster;
  before(async () => {
    mesh = await AnalyzedCluster.start();
    await fill(mesh);
  });
  after(() => mesh.stop());

  const policies = '/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies';
  const document = (name: string, spec: MeshPolicySpec) => [
    { file: `${name}.yaml`, text: policyText(name, spec) },
  ];

  it('explains what holds for a Service, by which policy and generation', async () => {
    const answer = await mesh.ask({ type: 'Explain', subject: { type: 'Service', name: 'pay' } });
    assert.ok(answer.type === 'Explanation', JSON.stringify(answer));
    const { proxies, destinations } = answer.explanation;
    assert.deepEqual(
      proxies.map(({ workloads, meshed }) => [workloads, meshed]),
      [[['shop/pay'], true]],
    );
    const mtls = proxies[0]!.values.find(({ path }) => path === 'inbound.mtls');
    assert.deepEqual(mtls, {
      ...{ path: 'inbound.mtls', value: 'Strict', lost: [] },
      origin: { policy: 'shop/strict', generation: 1, field: 'spec.inbound.mtls.mode' },
    });
    assert.deepEqual(
      destinations.map(({ key, endpoints }) => [key, endpoints]),
      [['shop/pay:80', 1]],
    );
  });

  it('plans a new policy, a changed one and a deletion, and leaves the cluster as it is', async () => {
    const before = await mesh.cluster.get(policies);
    const created = await planned({ documents: document('pay', { target: PAY, ...PERMISSIVE }) });
    assert.deepEqual(
      created.policies.map(({ policy, action }) => [policy, action]),
      [['shop/pay', 'Create']],
    );
    const change = { path: 'inbound.mtls', before: 'Strict', after: 'Permissive' };
    assert.deepEqual(created.proxies.map(short), [[['shop/pay'], [change]]]);

    const changed = await planned({ documents: document('strict', PERMISSIVE) });
    assert.deepEqual(
      changed.policies.map(({ action }) => action),
      ['Change'],
    );
    assert.deepEqual(changed.proxies.map(short), [[['shop/pay', 'shop/web'], [change]]]);

    const deleted = await planned({ deletes: ['strict'] });
    assert.deepEqual(
      deleted.policies.map(({ policy, action }) => [policy, action]),
      [['shop/strict', 'Delete']],
    );
    assert.deepEqual(deleted.proxies.map(short), [[['shop/pay', 'shop/web'], [change]]]);
    assert.deepEqual(await mesh.cluster.get(policies), before);

    async function planned(rest: object) {
      const answer = await mesh.ask({ type: 'Plan' }, rest);
      assert.ok(answer.type === 'Plan', JSON.stringify(answer));
      return answer.plan;
    }
    function short({ workloads, changes }: { workloads: readonly string[]; changes: readonly object[] }) {
      const values = changes.map((each) => {
        const { path, before: was, after: is } = each as { path: string; before?: unknown; after?: unknown };
        return { path, before: was, after: is };
      });
      return [[...workloads], values];
    }
  });

  it('keeps what was accepted of a policy that is no longer, as the operator does', async () => {
    const unacceptable = { target: { kind: 'Mesh' }, ...PERMISSIVE } as const;
    const answer = await mesh.ask({ type: 'Plan' }, { documents: document('strict', unacceptable) });
    assert.ok(answer.type === 'Plan');
    assert.deepEqual([answer.plan.policies[0]?.refusal?.inForce, answer.plan.proxies], [1, []]);
  });

  it('finds a pod without sidecar in an opted-in namespace, and a Service that does not exist', async () => {
    const found = (await mesh.findings()).map(({ code, where }) => `${code} ${where.name}`);
    assert.ok(found.includes('NoSidecar shop/bare'), found.join('\n'));
    assert.ok(!found.some((each) => each.startsWith('TargetNotFound')));
    const gone = document('gone', { target: { kind: 'Service', name: 'gone' }, ...STRICT });
    const ofDocument = await mesh.findings({ documents: gone });
    assert.deepEqual(
      ofDocument.map(({ code, where }) => [code, where.file, where.line]),
      [['TargetNotFound', 'gone.yaml', 8]],
    );
  });

  it('finds the NetworkPolicy that keeps sidecars from the operator, until another lets them through', async () => {
    const labels = { 'app.kubernetes.io/name': 'weft', 'app.kubernetes.io/component': 'operator' };
    const operator = {
      containers: [{ name: 'operator', image: 'none' }],
      automountServiceAccountToken: false,
    };
    const { cluster } = mesh;
    const accounts = '/api/v1/namespaces/weft-system/serviceaccounts';
    await cluster.create(accounts, { metadata: { name: 'default' } }).catch(() => {});
    await cluster.create('/api/v1/namespaces/weft-system/pods', {
      metadata: { name: 'operator', labels },
      spec: operator,
    });
    const networkPolicies = '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies';
    const policy = (name: string, spec: object) =>
      cluster.create(networkPolicies, {
        metadata: { name },
        spec: { podSelector: {}, policyTypes: ['Egress'], ...spec },
      });
    const cutOff = async () =>
      (await mesh.findings()).filter(({ code }) => code === 'StreamCutOff').map(({ where }) => where.name);
    assert.deepEqual(await cutOff(), []);
    await policy('deny', {});
    assert.deepEqual(await cutOff(), ['shop/pay', 'shop/web']);
    const matchLabels = { 'kubernetes.io/metadata.name': 'weft-system' };
    await policy('allow', {
      egress: [{ to: [{ namespaceSelector: { matchLabels } }], ports: [{ port: 15010 }] }],
    });
    assert.deepEqual(await cutOff(), []);
  });

  it('is what the CLI asks', async () => {
    const { code, stdout, stderr } = await weft(
      'explain',
      'policy',
      '--workload',
      'pay',
      '-n',
      'shop',
      '-o',
      'json',
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"policy": "shop\/strict"/);
    const check = await weft('check', '-n', 'shop', '-o', 'json', '--fail-on', 'warning');
    assert.equal(check.code, 3, check.stderr);
    assert.match(check.stdout, /"code": "NoSidecar"/);
  });

  it('needs no more than lists, and says what it did not look for without namespaces', async () => {
    const kubeconfig = await mesh.userWhoLists('reader', NEEDED);
    const codes = (await mesh.findings({ mesh: kubernetes(kubeconfig) })).map(({ code }) => code);
    assert.ok(codes.includes('NamespacesUnread') && !codes.includes('NoSidecar'), codes.join(', '));
  });

  it('names every list that the user may not have, and what to grant', async () => {
    for (const [group, plural] of NEEDED) {
      const allowed = NEEDED.filter(([, other]) => other !== plural);
      const kubeconfig = await mesh.userWhoLists(`without-${plural}`, allowed);
      const name = group === '' ? plural : `${plural}.${group}`;
      const { message, hint } = await failure(kubeconfig);
      assert.equal(message, `you may not list ${name} in all namespaces`);
      assert.match(hint ?? '', new RegExp(`--verb=list --resource=${name}`));
    }
    const { message } = await failure(await mesh.userWhoLists('nobody', []));
    assert.match(message, /^you may not list .*meshpolicies\.weft\.dev, pods, .*services in all namespaces$/);
  });

  it('says so when the credentials are not taken', async () => {
    const { server } = mesh.cluster.server;
    const { message } = await failure(mesh.elsewhere('stranger', server, { token: 'wrong' }));
    assert.equal(message, `${server} does not take the credentials of the kubeconfig`);
  });

  it('says within seconds that nobody listens, or that nobody answers', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      const quiet = await failure(mesh.elsewhere('silent', `https://127.0.0.1:${port}`));
      assert.match(
        quiet.message,
        new RegExp(`cannot be read from https://127.0.0.1:${port}: .*no answer in time`),
      );
      const refused = await failure(mesh.elsewhere('refused', 'https://127.0.0.1:1'));
      assert.match(refused.message, /cannot be read from https:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
      assert.match(refused.hint ?? '', /--folder DIR needs no cluster/);
    } finally {
      silent.close();
    }
  });

  it('asks rightly or says what is wrong with the kubeconfig', async () => {
    const without = await failure(join(ROOT, 'no-such-kubeconfig'));
    assert.match(without.message, /the kubeconfig cannot be read/);
    const context = await answerOf({
      mesh: { ...kubernetes(mesh.kubeconfig), context: 'gone' } as never,
      about: CHECK,
    });
    assert.ok(context.type === 'Error' && context.usage);
    assert.match(context.message, /there is no context gone/);
  });

  it('reads a thousand pods, page by page', async () => {
    await createPods(mesh);
    const before = await mesh.podLists();
    const answer = await mesh.ask({ type: 'Explain', subject: { type: 'Workload', name: 'many' } });
    assert.ok(answer.type === 'Explanation', JSON.stringify(answer).slice(0, 500));
    assert.equal(answer.explanation.proxies[0]?.workloads.length, PODS);
    // 500 on a page: the pods of the tests before are on a third one.
    assert.equal((await mesh.podLists()) - before, 3);
  });

  async function failure(kubeconfig: string): Promise<Extract<Answer, { type: 'Error' }>> {
    const answer = await answerOf({ mesh: kubernetes(kubeconfig), namespace: 'shop', about: CHECK });
    assert.ok(answer.type === 'Error', JSON.stringify(answer));
    return answer;
  }

  async function weft(...args: string[]) {
    const command = [join(ROOT, 'weft.ts'), ...args, '--kubeconfig', mesh.kubeconfig];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { stdout, stderr, code };
  }
});

/** Services pay and web of namespace shop with a meshed pod each, one pod without sidecar, and a policy. */
async function fill({ cluster }: AnalyzedCluster): Promise<void> {
  await cluster.admin.request('PATCH', '/api/v1/namespaces/shop', {
    ...{ contentType: 'application/merge-patch+json' },
    body: { metadata: { labels: { 'weft.dev/inject': 'enabled' } } },
  });
  for (const [index, name] of ['pay', 'web'].entries()) {
    const volumes = [{ name: 'weft-proxy', secret: { secretName: `weft-proxy-${name}`, optional: true } }];
    await cluster.create('/api/v1/namespaces/shop/pods', {
      ...{ metadata: { name, labels: { app: name } } },
      spec: { containers: [{ name: 'app', image: 'none' }], serviceAccountName: 'web', volumes },
    });
    await cluster.setPodReady(`shop/${name}`, `10.1.0.${index + 1}`);
    await cluster.create('/api/v1/namespaces/shop/services', {
      ...{ metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } },
    });
    await cluster.create('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      ...{ addressType: 'IPv4', ports: [{ port: 8080, protocol: 'TCP' }] },
      endpoints: [{ addresses: [`10.1.0.${index + 1}`], conditions: { ready: true } }],
    });
  }
  await cluster.createPod('bare');
  await cluster.createPolicy('strict');
}

const AT_ONCE = 20;
async function createPods({ cluster }: AnalyzedCluster): Promise<void> {
  const left = Array.from({ length: PODS }, (_, index) => index);
  const worker = async () => {
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      const secretName = `weft-proxy-many-${index}`;
      await cluster.create('/api/v1/namespaces/shop/pods', {
        metadata: { name: `many-${index}`, labels: { app: 'many' } },
        spec: {
          ...{ containers: [{ name: 'app', image: 'none' }], serviceAccountName: 'web' },
          volumes: [{ name: 'weft-proxy', secret: { secretName, optional: true } }],
        },
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

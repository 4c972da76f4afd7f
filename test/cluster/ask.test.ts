import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Ended, weft } from '../embedded/shop.fixture.ts';
import { acquireCluster, type Cluster, skipWithoutCluster } from './cluster.ts';
import { installWeft, pod, request } from './scenario.ts';

const NAMESPACE = 'ask';
const REMOVAL = ['delete', 'namespace', NAMESPACE, '--ignore-not-found'];

/** What a user needs to ask in one namespace: docs/reference/cli.md says the same. */
const READS = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
  { apiGroups: ['weft.dev'], resources: ['meshpolicies'], verbs: ['get', 'list'] },
];
const EXECS = { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] };

/** The commands that ask a mesh, against one that runs in a cluster: by exec into its sidecars. */
describe('asking the mesh of a cluster', { skip: await skipWithoutCluster() }, () => {
  let cluster: Cluster;
  let folder: string;
  let env: NodeJS.ProcessEnv;
  const ask = (...args: string[]): Promise<Ended> => weft([...args, '-n', NAMESPACE], env);
  const web = () => pod(cluster, NAMESPACE, 'app=web');

  before(async () => {
    cluster = await acquireCluster();
    await installWeft(cluster);
    folder = await mkdtemp(join(tmpdir(), 'weft-ask-'));
    // no weft run that runs on this machine is meant
    await mkdir(join(folder, 'runtime'), { mode: 0o700 });
    env = { ...process.env, KUBECONFIG: cluster.kubeconfigPath, XDG_RUNTIME_DIR: join(folder, 'runtime') };
    const labels = { 'weft.dev/inject': 'enabled' };
    await cluster.kubectlOk([...REMOVAL, '--timeout=120s']); // of an earlier run
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } });
    for (const name of ['shop.yaml', 'payments-policy.yaml']) {
      const text = await readFile(`test/fixtures/${name}`, 'utf8');
      await cluster.apply(text.replaceAll('namespace: shop', `namespace: ${NAMESPACE}`));
    }
    for (const name of ['payments', 'web', 'catalog']) {
      const rollout = ['rollout', 'status', `deployment/${name}`, '--timeout=180s'];
      await cluster.kubectlOk(['-n', NAMESPACE, ...rollout]);
    }
  });
  after(async () => {
    await cluster?.kubectl([...REMOVAL, '--wait=false']);
    if (folder !== undefined) await rm(folder, { recursive: true });
    await cluster?.release();
  });

  const apply = (object: object) => cluster.apply(JSON.stringify(object));

  /** Of a new user, who may do this in the namespace. */
  async function kubeconfigOf(user: string, rules: readonly object[]): Promise<string> {
    const metadata = { name: user, namespace: NAMESPACE };
    await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    await apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules });
    await apply({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
      subjects: [{ kind: 'ServiceAccount', name: user, namespace: NAMESPACE }],
    });
    const token = (await cluster.kubectlOk(['-n', NAMESPACE, 'create', 'token', user])).trim();
    const config = JSON.parse(
      await cluster.kubectlOk(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json']),
    );
    const file = join(folder, `${user}.json`);
    await writeFile(
      file,
      JSON.stringify({
        ...config,
        users: [{ name: user, user: { token } }],
        contexts: [{ name: user, context: { cluster: config.clusters[0].name, user } }],
        'current-context': user,
      }),
    );
    return file;
  }

  it('waits until the policy is in force', async () => {
    const { code, stdout, stderr } = await ask('wait', 'policy', 'payments', '--timeout', '60s');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `policy ${NAMESPACE}/payments: generation 1 in force on 2 of 2 proxies\n`);
  });

  it('shows every proxy with what it holds', async () => {
    const { code, stdout, stderr } = await ask('status', '-o', 'json');
    assert.equal(code, 0, stderr);
    const { proxies, policies } = JSON.parse(stdout);
    assert.equal(proxies.length, 4);
    for (const proxy of proxies) {
      assert.deepEqual([proxy.ready, proxy.stream, proxy.behind, proxy.problem], [true, 'up', [], undefined]);
    }
    assert.deepEqual(policies[0].proxies, { targeted: 2, inForce: 2, lagging: 0, refused: 0 });
    assert.match((await ask('status')).stdout, /^ask\/payments +1 +True +True +True \(2 of 2\) +False$/m);
  });

  it('tells the roots, and of each sidecar whose certificate it has and what it trusts', async () => {
    const { code, stdout, stderr } = await ask('certs', '-o', 'json');
    assert.equal(code, 0, stderr);
    const { rotation, proxies, problems } = JSON.parse(stdout);
    const { fingerprint } = rotation.roots.find(({ role }: { role: string }) => role === 'signs');
    assert.equal(proxies.length, 4);
    for (const { identity } of proxies) {
      assert.match(identity.spiffeId, /^spiffe:\/\/cluster\.local\/ns\/ask\/sa\//);
      assert.equal(identity.signer, fingerprint);
      assert.ok(identity.roots.includes(fingerprint));
    }
    assert.deepEqual(problems, []);
    assert.match((await ask('certs')).stdout, /^ask\/web-[a-z0-9-]+ +ends in \d+ h /m);
  });

  it('prints all that a sidecar holds, and nothing secret', async () => {
    const { name } = (await web()).metadata;
    const { code, stdout, stderr } = await ask('debug', 'proxy', name, '-o', 'json');
    assert.equal(code, 0, stderr);
    const { proxy, config } = JSON.parse(stdout);
    assert.equal(proxy, `ask/${name}`);
    assert.equal(config.identity.spiffeId, 'spiffe://cluster.local/ns/ask/sa/web');
    assert.doesNotMatch(stdout, /PRIVATE|BEGIN/);
    const unknown = await ask('debug', 'proxy', 'nobody');
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /no running pod nobody with a sidecar is in ask/);
  });

  it('tells of a denied request, by the id in its answer, which policy and why, on both sides', async () => {
    const answer = await request(cluster, await web(), 'POST', 'http://payments/v1/charges');
    assert.equal(answer.status, 403);
    const { code, stdout, stderr } = await ask('explain', 'request', answer.headers['x-request-id']!);
    assert.equal(code, 0, stderr);
    const { name } = (await web()).metadata;
    assert.match(stdout, new RegExp(`ask/${name} {2}sent to payments at [0-9.]+:80$`, 'm'));
    assert.match(stdout, /by PeakEWMA among 2 usable of 2 known$/m);
    assert.match(stdout, /ask\/payments-[a-z0-9-]+ {2}received at [0-9.]+:8080$/m);
    assert.match(stdout, /caller {9}spiffe:\/\/cluster\.local\/ns\/ask\/sa\/web, by mutual TLS from/);
    assert.match(
      stdout,
      /^Why: 403 denied: no rule of ask\/payments allows it, at the called side \(ask\/payments-/m,
    );
  });

  it('says what is kept where nobody knows the id', async () => {
    const { code, stdout } = await ask('explain', 'request', 'nobody-knows');
    assert.equal(code, 1);
    assert.match(stdout, /^ {2}ask\/web-[a-z0-9-]+ +keeps [1-9]\d* since /m);
  });

  it('tells of a pair what is in force', async () => {
    const { code, stdout, stderr } = await ask('explain', 'policy', '--from', 'web', '--to', 'payments:80');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /mtls +Strict +from ask\/payments \(generation 1\) spec\.inbound\.mtls\.mode/);
  });

  it('ends waiting at once for a policy that is not accepted', async () => {
    const issuers = [
      { name: 'a', issuer: 'https://id.example', jwks: { type: 'Inline', inline: 'no keys' } },
    ];
    await apply({
      ...{
        apiVersion: 'weft.dev/v1alpha1',
        kind: 'MeshPolicy',
        metadata: { name: 'jwt', namespace: NAMESPACE },
      },
      spec: { target: { kind: 'Service', name: 'payments' }, inbound: { jwt: { issuers } } },
    });
    const { code, stderr } = await ask('wait', 'policy', 'jwt', '--timeout', '60s');
    await cluster.kubectlOk(['-n', NAMESPACE, 'delete', 'meshpolicy', 'jwt']);
    assert.equal(code, 1);
    assert.match(stderr, /policy ask\/jwt: generation 1 is not accepted \(Invalid\): .*jwks/);
  });

  it('answers a user of one namespace with the rights the reference names', async () => {
    const kubeconfig = await kubeconfigOf('asker', [...READS, EXECS]);
    const status = await ask('status', '--kubeconfig', kubeconfig);
    assert.equal(status.code, 0, status.stderr);
    assert.doesNotMatch(status.stdout, /could not be asked/);
    const unknown = await ask('explain', 'request', 'x', '--kubeconfig', kubeconfig);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stdout, /keeps/);
    const everywhere = await weft(['status', '-A', '--kubeconfig', kubeconfig], env);
    assert.equal(everywhere.code, 1);
    assert.match(everywhere.stderr, /not permitted: .* cannot list resource/);
  });

  it('says to a user who may not exec what is missing', async () => {
    const kubeconfig = await kubeconfigOf('reader', READS);
    const { code, stdout } = await ask('status', '--kubeconfig', kubeconfig);
    assert.equal(code, 0);
    assert.match(stdout, /not permitted to exec into it \(get and create pods\/exec\)/);
    const { stderr } = await ask('explain', 'request', 'x', '--kubeconfig', kubeconfig);
    assert.match(stderr, /ask\/web-.* could not be asked: not permitted to exec into it/);
  });

  it('says to a user who may do nothing what is missing', async () => {
    const kubeconfig = await kubeconfigOf('nobody', []);
    const { code, stderr } = await ask('explain', 'policy', '--workload', 'web', '--kubeconfig', kubeconfig);
    assert.equal(code, 1);
    assert.match(stderr, /you may not list .*\bpods\b.* in all namespaces\n.*what to grant/);
  });

  it('is a plugin of kubectl', async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await symlink(resolve('bin/weft.js'), join(bin, 'kubectl-weft'));
    const runtime = `XDG_RUNTIME_DIR=${env.XDG_RUNTIME_DIR}`;
    const output = await cluster.shell(
      `${runtime} PATH="${bin}:$PATH" kubectl weft wait policy payments -n ${NAMESPACE}`,
    );
    assert.equal(output, `policy ${NAMESPACE}/payments: generation 1 in force on 2 of 2 proxies\n`);
  });
});

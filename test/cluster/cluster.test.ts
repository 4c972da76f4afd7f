import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CertificateAuthority } from './certificates.ts';
import { acquireCluster, type Cluster, skipWithoutCluster } from './cluster.ts';
import { ensureTestAppImage } from './images.ts';
import { client, web, webhook, withRules, withSidecar } from './workload.fixture.ts';

const namespace = `weft-cluster-test-${process.pid}`;
const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** Tries again for a few seconds until it works. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= 20) throw error;
      await delay(250);
    }
  }
}

describe('a test cluster', { skip: await skipWithoutCluster(), timeout: 600_000 }, () => {
  let cluster: Cluster;
  const kubectl = (...args: string[]) => cluster.kubectlOk(['--namespace', namespace, ...args]);
  const curl = (url: string) =>
    kubectl('exec', 'client', '--', 'curl', '--silent', '--show-error', '--fail', '--max-time', '10', url);
  /** Service rules follow a pod's readiness a moment later. */
  const curlSoon = (url: string) => eventually(() => curl(url));

  before(async () => {
    cluster = await acquireCluster();
    if (cluster.local) await cluster.importImage(await ensureTestAppImage());
    await cluster.kubectlOk(['create', 'namespace', namespace]);
    await kubectl('create', 'serviceaccount', 'default').catch(() => {}); // The controllers may have been faster.
    await cluster.apply(
      list([...web(namespace), client(namespace), withSidecar(namespace), withRules(namespace)]),
    );
  });

  after(async () => {
    await cluster?.kubectl(['delete', 'validatingwebhookconfiguration', namespace, '--ignore-not-found']);
    await cluster?.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await cluster?.release();
  });

  it('makes a Deployment of two pods ready', async () => {
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    assert.equal(await kubectl('get', 'deployment/web', '--output=jsonpath={.status.readyReplicas}'), '2');
    await kubectl('wait', 'pod/client', '--for=condition=Ready', '--timeout=60s');
  });

  it('reaches both pods through the address of their Service', async () => {
    const address = await kubectl('get', 'service/web', '--output=jsonpath={.spec.clusterIP}');
    const seen = new Set<string>();
    for (let tries = 0; tries < 30 && seen.size < 2; tries++) seen.add(await curlSoon(`http://${address}/`));
    assert.equal(seen.size, 2);
  });

  it('knows a Service by its short name and by its full one', async () => {
    assert.match(await curlSoon('http://web/'), /^web-/);
    assert.match(await curl(`http://web.${namespace}.svc.cluster.local/`), /^web-/);
  });

  it('says at once that a name does not exist', async () => {
    const { code } = await cluster.kubectl([
      '-n',
      namespace,
      'exec',
      'client',
      '--',
      'curl',
      'http://nobody.example/',
    ]);
    assert.equal(code, 6);
  });

  it('runs commands in a container, with input', async () => {
    const args = ['--namespace', namespace, 'exec', '--stdin', 'client', '--', 'tr', 'a-z', 'A-Z'];
    assert.equal(await cluster.kubectlOk(args, { input: 'shout' }), 'SHOUT');
  });

  it('gives the logs of a container', async () => {
    assert.match(await kubectl('logs', 'deployment/web'), /serving/);
  });

  it('lets the API server reach pods', async () => {
    const path = `/api/v1/namespaces/${namespace}/services/web:80/proxy/`;
    assert.match(await kubectl('get', '--raw', path), /^web-/);
  });

  it('lets the API server call a webhook behind a Service', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'weft-webhook-'));
    const authority = await CertificateAuthority.create(directory);
    const host = `webhook.${namespace}.svc`;
    const server = await authority.issue({ commonName: host, hosts: [host] });
    rmSync(directory, { recursive: true });
    await cluster.apply(list(webhook(namespace, authority.certificate, server)));
    await kubectl('wait', 'pod/webhook', '--for=condition=Ready', '--timeout=60s');
    await kubectl('create', 'configmap', 'accepted');
    await eventually(() =>
      assert.rejects(kubectl('create', 'configmap', 'refused', '--dry-run=server'), /refused by the webhook/),
    );
  });

  it('runs a native sidecar beside the container that it serves', async () => {
    await kubectl('wait', 'pod/with-sidecar', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
    assert.equal(await kubectl('logs', 'with-sidecar', '--container=main'), 'from the sidecar');
  });

  it('lets an init container write iptables rules that then hold', async () => {
    await kubectl('wait', 'pod/with-rules', '--for=condition=Ready', '--timeout=60s');
    assert.match(
      await kubectl('logs', 'with-rules', '--container=init'),
      /--dport 80 -j REDIRECT --to-ports 8080/,
    );
    const address = await kubectl('get', 'pod/with-rules', '--output=jsonpath={.status.podIP}');
    assert.equal(await curl(`http://${address}:80/`), 'redirected');
  });

  it('replaces pods one by one in a rolling update', async () => {
    await kubectl('rollout', 'restart', 'deployment/web');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    assert.match(await curlSoon('http://web/'), /^web-/);
  });

  it('runs commands inside the node', async (test) => {
    if (!cluster.local) return test.skip('somebody else has the node');
    assert.match(
      await cluster.nodeExecOk(['iptables-save', '-t', 'nat']),
      new RegExp(`${namespace}/web:http`),
    );
    const address = await kubectl('get', 'service/web', '--output=jsonpath={.spec.clusterIP}');
    const fetchText = `fetch('http://${address}/').then((answer) => answer.text()).then(console.log)`;
    assert.match(await cluster.nodeExecOk([process.execPath, '-e', fetchText]), /^web-/);
  });

  it('keeps pods and objects while the API server is away', async (test) => {
    if (!cluster.local) return test.skip('somebody else has the API server');
    const [pod] = (await kubectl('get', 'pods', '--selector=app=web', '--output=name')).split('\n');
    await cluster.stopApiServer();
    assert.notEqual((await cluster.kubectl(['get', 'nodes', '--request-timeout=3s'])).code, 0);
    await cluster.startApiServer();
    await kubectl('wait', String(pod), '--for=condition=Ready', '--timeout=60s');
    assert.match(await curlSoon('http://web/'), /^web-/);
  });
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { acquireCluster, type Cluster, skipWithoutCluster } from './cluster.ts';
import { finishedCalls, installWeft, pod, request, startCalls, startCapture, waitUntil } from './scenario.ts';

/**
 * From `kubectl apply` to an encrypted, authorized request: the real chart, the real image, a real kubelet.
 * The tests build on each other, as a user's first hour does.
 */
describe('Weft on a cluster', { skip: await skipWithoutCluster() }, () => {
  let cluster: Cluster;
  const fixture = (name: string) => readFile(`test/fixtures/${name}`, 'utf8');
  const web = () => pod(cluster, 'shop', 'app=web');
  const catalog = () => pod(cluster, 'shop', 'app=catalog');

  before(async () => {
    cluster = await acquireCluster();
    await installWeft(cluster);
  });
  after(() => cluster?.release());

  it('injects init container and native sidecar into an ordinary Deployment of a labelled namespace', async () => {
    await cluster.apply(
      '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","labels":{"weft.dev/inject":"enabled"}}}',
    );
    await cluster.apply(await fixture('shop.yaml'));
    await cluster.apply(await fixture('outsider.yaml'));
    for (const [namespace, name] of [
      ['shop', 'payments'],
      ['shop', 'web'],
      ['shop', 'catalog'],
      ['outside', 'outsider'],
    ]) {
      await cluster.kubectlOk([
        '-n',
        namespace!,
        'rollout',
        'status',
        `deployment/${name}`,
        '--timeout=180s',
      ]);
    }
    const { spec, status } = await web();
    assert.deepEqual(spec.initContainers.map(({ name }) => name).slice(0, 2), ['weft-init', 'weft-sidecar']);
    assert.equal(spec.initContainers[1]!.restartPolicy, 'Always');
    assert.ok(status.initContainerStatuses[1]!.ready, 'the sidecar is ready');
  });

  it('keeps HTTP, TCP and exec probes of the app working', async () => {
    const { status } = await pod(cluster, 'shop', 'app=payments');
    assert.ok(status.containerStatuses.every(({ ready, restartCount }) => ready && restartCount === 0));
  });

  it('lets everybody call before there is a policy, outsiders in plaintext included', async () => {
    assert.equal((await request(cluster, await web(), 'GET', 'http://payments/admin')).status, 200);
    const outsider = await pod(cluster, 'outside', 'app=outsider');
    const capture = cluster.local ? await startCapture(cluster, 8080) : undefined;
    assert.equal((await request(cluster, outsider, 'GET', 'http://payments.shop/v1/x')).status, 200);
    // Shows that the capture sees what is readable, so that the one below proves something.
    if (capture !== undefined) assert.ok((await capture.stop()).includes('HTTP/1.1'));
  });

  it("says in the policy's status when it is in force on every proxy", async () => {
    await cluster.apply(await fixture('payments-policy.yaml'));
    await paymentsPolicy(cluster, 'condition=InForce', '60s');
    const status = JSON.parse(
      await cluster.kubectlOk(['-n', 'shop', 'get', 'meshpolicy', 'payments', '-o', 'jsonpath={.status}']),
    );
    assert.deepEqual(status.proxies, { targeted: 2, inForce: 2, lagging: 0, refused: 0 });
    assert.equal(status.conditions.find(({ type }: { type: string }) => type === 'Accepted').status, 'True');
  });

  it('lets the allowed caller do what the policy allows, and tells the app who calls', async () => {
    const forged = ['-H', 'weft-caller: spiffe://cluster.local/ns/shop/sa/admin'];
    const answer = await request(cluster, await web(), 'GET', 'http://payments/v1/charges', forged);
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.body).headers['weft-caller'], 'spiffe://cluster.local/ns/shop/sa/web');
  });

  it('spreads requests over the ready endpoints', async () => {
    const pods = new Set<string>();
    // the quicker one more often
    for (let i = 0; i < 60 && pods.size < 2; i++) {
      pods.add(
        JSON.parse((await request(cluster, await web(), 'GET', 'http://payments/v1/charges')).body).pod,
      );
    }
    assert.equal(pods.size, 2);
  });

  for (const [what, caller, method, path] of [
    ['another method', web, 'POST', '/v1/charges'],
    ['another path', web, 'GET', '/admin'],
    ['a path that only looks allowed', web, 'GET', '/v1/../admin'],
    ['another caller', catalog, 'GET', '/v1/charges'],
  ] as const) {
    it(`answers ${what} with 403 and weft-error: denied`, async () => {
      const answer = await request(cluster, await caller(), method, `http://payments${path}`, [
        '--path-as-is',
      ]);
      assert.equal(answer.status, 403);
      assert.equal(answer.headers['weft-error'], 'denied');
    });
  }

  it('refuses a plaintext caller under Strict without a byte of answer', async () => {
    const outsider = await pod(cluster, 'outside', 'app=outsider');
    const answer = await request(cluster, outsider, 'GET', 'http://payments.shop/v1/charges');
    assert.equal(answer.status, 0);
    assert.match(answer.error, /Empty reply|reset/i);
  });

  it('tells metrics of a pod to whoever asks its sidecar, from inside the mesh and from outside, under Strict', async () => {
    const { podIP } = (await pod(cluster, 'shop', 'app=payments')).status;
    for (const from of [await web(), await pod(cluster, 'outside', 'app=outsider')]) {
      const answer = await request(cluster, from, 'GET', `http://${podIP}:15020/metrics`);
      assert.equal(answer.status, 200, answer.headers['weft-error'] ?? answer.error);
      assert.match(answer.body, /^weft_requests_total\{/m);
    }
  });

  it("carries TLS, and no plaintext, on the app's own port on the wire", async (t) => {
    if (!cluster.local) return t.skip('a capture needs the node: unset KUBECONFIG');
    const capture = await startCapture(cluster, 8080);
    const secret = 'a-secret-nobody-else-should-see';
    const answer = await request(cluster, await web(), 'GET', `http://payments/v1/${secret}`);
    assert.equal(answer.status, 200);
    const packets = await capture.stop();
    assert.ok(
      packets.includes(Buffer.from([0x16, 0x03])) || packets.includes(Buffer.from([0x17, 0x03, 0x03])),
      'TLS records',
    );
    assert.ok(packets.length > 500, `only ${packets.length} bytes were captured`);
    assert.ok(!packets.includes(secret), 'the request was readable on the wire');
    assert.ok(!packets.includes('HTTP/1.1'), 'HTTP was readable on the wire');
  });

  it('puts a changed policy in force and says so in its status', async () => {
    const changed = (await fixture('payments-policy.yaml')).replace('[GET]', '[GET, POST]');
    await cluster.apply(changed);
    await paymentsPolicy(cluster, 'jsonpath={.status.observedGeneration}=2', '10s');
    await paymentsPolicy(cluster, 'condition=InForce', '10s');
    assert.equal((await request(cluster, await web(), 'POST', 'http://payments/v1/charges')).status, 200);
  });

  it('rejects an invalid policy at apply with words that help', async () => {
    const invalid = (await fixture('payments-policy.yaml')).replace('Strict', 'Sometimes');
    const result = await cluster.kubectl(['apply', '-f', '-'], { input: invalid });
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /Permissive.*Strict/s);
  });

  it('does not accept a policy that only the operator can judge, and keeps the old one in force', async () => {
    const unacceptable = (await fixture('payments-policy.yaml')).replace(
      'mtls: {mode: Strict}',
      'mtls: {mode: Permissive}\n    jwt: {issuers: [{name: a, issuer: "https://id.example", jwks: {type: Inline, inline: "no keys"}}]}',
    );
    await cluster.apply(unacceptable);
    await paymentsPolicy(cluster, 'condition=Accepted=False', '30s');
    const conditions = await cluster.kubectlOk([
      '-n',
      'shop',
      'get',
      'meshpolicy',
      'payments',
      '-o',
      'jsonpath={.status.conditions}',
    ]);
    assert.match(conditions, /Invalid/);
    assert.match(conditions, /jwks/);
    const outsider = await pod(cluster, 'outside', 'app=outsider');
    assert.equal(
      (await request(cluster, outsider, 'GET', 'http://payments.shop/v1/charges')).status,
      0,
      'still Strict',
    );
    await cluster.apply(await fixture('payments-policy.yaml'));
    await paymentsPolicy(cluster, 'condition=Accepted', '30s');
  });

  it('goes on while the operator is gone, and starts pods when it is back', async () => {
    await cluster.kubectlOk(['-n', 'weft-system', 'scale', 'deployment/weft-operator', '--replicas=0']);
    await cluster.kubectlOk([
      '-n',
      'weft-system',
      'wait',
      '--for=delete',
      'pod',
      '-l',
      'app.kubernetes.io/component=operator',
      '--timeout=60s',
    ]);
    const caller = await web();
    for (let i = 0; i < 5; i++) {
      assert.equal((await request(cluster, caller, 'GET', 'http://payments/v1/charges')).status, 200);
      assert.equal(
        (await request(cluster, await catalog(), 'GET', 'http://payments/v1/charges')).status,
        403,
      );
    }
    await cluster.kubectlOk(['-n', 'shop', 'scale', 'deployment/payments', '--replicas=3']);
    await waitUntil('the new pod exists', async () => (await pods(cluster)).length === 3);
    await cluster.kubectlOk(['-n', 'weft-system', 'scale', 'deployment/weft-operator', '--replicas=1']);
    await cluster.kubectlOk([
      '-n',
      'weft-system',
      'rollout',
      'status',
      'deployment/weft-operator',
      '--timeout=120s',
    ]);
    await cluster.kubectlOk(['-n', 'shop', 'rollout', 'status', 'deployment/payments', '--timeout=180s']);
    await waitUntil('the new pod gets requests', async () => {
      const answer = await request(cluster, caller, 'GET', 'http://payments/v1/charges');
      return answer.status === 200 && (await pods(cluster)).length === 3;
    });
  });

  it('goes on while the API server is gone', async (t) => {
    if (!cluster.local) return t.skip('stopping the API server needs a cluster of our own: unset KUBECONFIG');
    const caller = await web();
    await startCalls(cluster, caller, 'http://payments/v1/charges', 60);
    await cluster.stopApiServer();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await cluster.startApiServer();
    await waitUntil(
      'the API server answers',
      async () => (await cluster.kubectl(['get', '--raw', '/readyz'])).code === 0,
    );
    await waitUntil('all calls are made', async () => (await finishedCalls(cluster, caller)).length === 60);
    assert.deepEqual(
      [...new Set(await finishedCalls(cluster, caller))],
      ['200'],
      'every call was answered 200',
    );
    await cluster.apply((await fixture('payments-policy.yaml')).replace('[GET]', '[GET, PUT]'));
    await waitUntil('the operator follows again', async () => {
      return (await request(cluster, caller, 'PUT', 'http://payments/v1/charges')).status === 200;
    });
  });

  it('leaves running pods working after helm uninstall', async () => {
    const caller = await web();
    await cluster.helmOk(['uninstall', 'weft', '-n', 'weft-system', '--wait']);
    assert.equal((await request(cluster, caller, 'GET', 'http://payments/v1/charges')).status, 200);
    assert.equal((await request(cluster, await catalog(), 'GET', 'http://payments/v1/charges')).status, 403);
    await cluster.kubectlOk(['delete', 'namespace', 'shop', 'outside', '--timeout=120s']);
  });
});

async function pods(cluster: Cluster): Promise<string[]> {
  const names = await cluster.kubectlOk(['-n', 'shop', 'get', 'pods', '-l', 'app=payments', '-o', 'name']);
  return names.trim().split('\n');
}

/** Waits until the policy of payments has come so far. */
function paymentsPolicy(cluster: Cluster, state: string, timeout: string): Promise<string> {
  return cluster.kubectlOk([
    '-n',
    'shop',
    'wait',
    'meshpolicy/payments',
    `--for=${state}`,
    `--timeout=${timeout}`,
  ]);
}

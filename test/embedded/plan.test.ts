import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Ended, type Shop, startShop, weft } from './shop.fixture.ts';

/** `weft plan` about a mesh that runs: what policies would have done to requests that real sidecars recorded. */
const TO_PAYMENTS = 18101;
const TO_CATALOG = 18102;
const CATALOG_TO_PAYMENTS = 18301;
/** Exit codes of `weft plan`. */
const CHANGES = 3;

let shop: Shop;
const requests = async (count: number, port: number, path: string, init?: RequestInit) => {
  const statuses: number[] = [];
  for (let n = 0; n < count; n += 1) statuses.push((await shop.request(port, path, init)).status);
  return statuses;
};

before(async () => {
  shop = await startShop();
  assert.deepEqual(await requests(3, TO_PAYMENTS, '/v1/charges'), [200, 200, 200]);
  assert.deepEqual(await requests(2, TO_PAYMENTS, '/v1/charges', { method: 'POST' }), [403, 403]);
  assert.deepEqual(await requests(1, CATALOG_TO_PAYMENTS, '/v1/charges'), [403]);
  assert.deepEqual(await requests(5, TO_CATALOG, '/items'), [200, 200, 200, 200, 200]);
  assert.deepEqual(await requests(1, TO_CATALOG, '/items/7'), [200]);
});
after(() => shop.stop());

interface Change {
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly caller: string;
  readonly to: string;
  readonly count: number;
  readonly proxies: readonly string[];
}
interface Traffic {
  readonly judged: number;
  readonly unchanged: number;
  readonly changes: readonly Change[];
}

async function fileOf(policy: string): Promise<string> {
  // beside the folder: `weft run` takes what is in it into force
  const file = join(shop.folder, '..', 'candidate.yaml');
  await writeFile(file, policy);
  return file;
}

async function planned(policy: string, ...flags: string[]): Promise<Ended> {
  return shop.weft('plan', '-f', await fileOf(policy), ...flags);
}

async function trafficOf(policy: string): Promise<Traffic> {
  const { code, stdout, stderr } = await planned(policy, '-o', 'json');
  assert.equal(code, CHANGES, stderr);
  const { traffic, affected } = JSON.parse(stdout);
  assert.equal(affected, undefined, 'whole configurations are no part of the answer');
  return traffic;
}

const policyOf = (service: string, spec: string) => `
apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: candidate, namespace: shop}
spec:
  target: {kind: Service, name: ${service}}
  ${spec}
`;
const DENY_WEB = policyOf(
  'catalog',
  'inbound: {authorization: {rules: [{name: no-web, action: Deny, from: [{serviceAccount: web}]}]}}',
);
const kinds = ({ changes }: Traffic) =>
  changes.map(({ kind, method, path, count, to }) => `${count} ${kind}: ${method} ${path} → ${to}`);

describe('weft plan, on recorded traffic', () => {
  it('says how many requests a policy would have denied, whose, and by which rule', async () => {
    const traffic = await trafficOf(DENY_WEB);
    assert.deepEqual(kinds(traffic), [
      '5 denied: GET /items → denied by rule no-web of shop/candidate',
      '1 denied: GET /items/{id} → denied by rule no-web of shop/candidate',
    ]);
    assert.deepEqual([traffic.judged, traffic.unchanged], [6, 0]);
    assert.match(traffic.changes[0]!.caller, /^spiffe:\/\/.*\/ns\/shop\/sa\/web$/);
    assert.deepEqual(traffic.changes[0]!.proxies, ['shop/catalog']);
  });

  it('says so to people, after what changes in the configuration', async () => {
    const { code, stdout } = await planned(DENY_WEB);
    assert.equal(code, CHANGES);
    const [configuration, verdicts] = stdout.split('recorded traffic: ');
    assert.match(configuration!, /shop\/catalog/);
    assert.match(
      verdicts!,
      /^6 requests of the last 15 min at 1 proxy, none with the same verdict\n {2}6 would be denied\n/,
    );
    assert.match(verdicts!, /5 {2}GET \/items from spiffe:\S+\/sa\/web at shop\/catalog\n/);
  });

  it('leaves recorded traffic out when it is told so', async () => {
    const { code, stdout } = await planned(DENY_WEB, '--no-traffic');
    assert.equal(code, CHANGES);
    assert.doesNotMatch(stdout, /recorded traffic/);
    const json = JSON.parse((await planned(DENY_WEB, '--no-traffic', '-o', 'json')).stdout);
    assert.equal('traffic' in json, false);
  });

  it('says what would be over a rate limit', async () => {
    const limit = 'inbound: {rateLimit: [{name: few, requests: 2, per: 1h, burst: 1, key: {type: Global}}]}';
    const traffic = await trafficOf(policyOf('catalog', limit));
    assert.deepEqual(
      [...new Set(traffic.changes.map(({ kind, to }) => `${kind} ${to}`))],
      ['limited over limit few of shop/candidate'],
    );
    assert.equal(traffic.unchanged, 2);
    assert.equal(
      traffic.changes.reduce((sum, { count }) => sum + count, 0),
      4,
    );
  });

  it('says what would go elsewhere, and what no route would take', async () => {
    const routes =
      'traffic: {routes: [{name: moved, match: [{path: {type: Exact, value: /items}}], redirect: {host: example.org, status: 302}}]}';
    const traffic = await trafficOf(policyOf('catalog', routes));
    assert.deepEqual(kinds(traffic), [
      '5 rerouted: GET /items → route moved of shop/candidate: redirect 302',
      '1 denied: GET /items/{id} → no route takes it (404 no-route)',
    ]);
    assert.deepEqual(traffic.changes[0]!.proxies, ['shop/web']);
  });

  it('says what would be let through that was not', async () => {
    const file = join(shop.folder, 'policy.yaml');
    const open = (await readFile(file, 'utf8')).replace('methods: [GET]', 'methods: [GET, POST]');
    const traffic = await trafficOf(open);
    assert.deepEqual(kinds(traffic), [
      '2 allowed: POST /v1/charges → allowed by rule web-reads of shop/payments',
    ]);
    assert.equal(traffic.unchanged, 4);
  });

  it('asks nobody where nothing changes', async () => {
    const { code, stdout } = await planned(await readFile(join(shop.folder, 'policy.yaml'), 'utf8'));
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /recorded traffic/);
  });

  it('plans without it where the mesh does not run, and says so', async () => {
    const { code, stdout } = await weft(['plan', '-f', await fileOf(DENY_WEB), '--folder', 'examples/shop']);
    assert.equal(code, CHANGES);
    assert.match(
      stdout,
      /shop\/catalog[\s\S]*\nrecorded traffic: could not be asked about: no mesh of examples\/shop/,
    );
  });

  for (const [flags, message] of [
    [['--minutes', '0'], /--minutes 0 is not valid/],
    [['--minutes', 'all'], /--minutes all is not valid/],
    [['--service', 'catalog'], /go with --propose/],
    [['--propose'], /cannot be used with/],
  ] as const) {
    it(`is not asked with ${flags.join(' ')}`, async () => {
      const { code, stderr } = await planned(DENY_WEB, ...flags);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
});

describe('weft plan --propose', () => {
  const propose = (...flags: string[]) => shop.weft('plan', '--propose', ...flags);

  it('never allows what the policy in force denies, and says which policy that is', async () => {
    const { code, stdout, stderr } = await propose('--service', 'payments');
    assert.equal(code, 0, stderr);
    const rules = parse(stdout).spec.inbound.authorization.rules;
    assert.deepEqual(rules, [
      {
        ...{ name: 'web', action: 'Allow', from: [{ serviceAccount: 'web' }] },
        to: [{ methods: ['GET'], paths: ['/v1/charges'] }],
      },
    ]);
    assert.match(
      stdout,
      /# - 2 requests from web: POST \/v1\/charges, denied since no rule of shop\/payments/,
    );
    assert.match(stdout, /# - 1 request from catalog: GET \/v1\/charges, denied since/);
    assert.match(stdout, /# MeshPolicy shop\/payments is about the same target and older/);
  });

  it('proposes for pods by their labels and by one of them too, and as JSON', async () => {
    const target = { kind: 'Workload', selector: { matchLabels: { app: 'catalog' } } };
    for (const flags of [
      ['-l', 'app=catalog'],
      ['--workload', 'pod/catalog'],
    ]) {
      const { policy, rules, allowed } = JSON.parse((await propose(...flags, '-o', 'json')).stdout);
      assert.deepEqual(policy.spec.target, target);
      assert.deepEqual([rules[0].requests, allowed], [6, 6]);
    }
  });

  it('proposes what lets recorded callers through as before, and nobody else once it is applied', async () => {
    const { code, stdout, stderr } = await propose('--service', 'catalog', '-n', 'shop');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /# Proposed by weft plan --propose for Service shop\/catalog, from 6 requests/);
    assert.match(stdout, /LITTLE TRAFFIC/);
    const traffic = await trafficOf(stdout);
    assert.deepEqual([traffic.judged, traffic.unchanged, traffic.changes], [6, 6, []]);
    await writeFile(join(shop.folder, 'catalog-callers.yaml'), stdout);
    const waited = await shop.weft('wait', 'policy', 'catalog-callers', '-n', 'shop');
    assert.equal(waited.code, 0, waited.stderr);
    assert.deepEqual(await requests(2, TO_CATALOG, '/items'), [200, 200]);
    assert.deepEqual(await requests(1, TO_CATALOG, '/items/8'), [200]);
    assert.deepEqual(await requests(1, TO_CATALOG, '/secret'), [403]);
    assert.deepEqual(await requests(1, TO_CATALOG, '/items', { method: 'DELETE' }), [403]);
    await rm(join(shop.folder, 'catalog-callers.yaml'));
  });

  it('keeps another caller out', async () => {
    await rm(join(shop.folder, 'policy.yaml'));
    const isOpen = async () => (await shop.request(CATALOG_TO_PAYMENTS, '/none')).status === 200;
    for (let tries = 0; !(await isOpen()); tries += 1) {
      assert.ok(tries < 200, 'payments is open without its policy');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { stdout } = await propose('--service', 'payments');
    const names = parse(stdout).spec.inbound.authorization.rules.map(({ name }: { name: string }) => name);
    assert.deepEqual(names.sort(), ['catalog', 'web'], 'catalog has called /none');
    await writeFile(join(shop.folder, 'payments-callers.yaml'), stdout);
    const waited = await shop.weft('wait', 'policy', 'payments-callers', '-n', 'shop');
    assert.equal(waited.code, 0, waited.stderr);
    assert.deepEqual(await requests(1, TO_PAYMENTS, '/v1/charges'), [200]);
    assert.deepEqual(await requests(1, CATALOG_TO_PAYMENTS, '/v1/charges'), [403]);
  });

  for (const [what, flags, code, message] of [
    ['nothing is recorded', ['--service', 'web'], 1, /nothing can be proposed.*no request to it is recorded/],
    ['it is not said for what', [], 2, /for what is a policy to be proposed/],
    ['a Service is not there', ['--service', 'gone'], 2, /gone/],
    ['a pod is not there', ['--workload', 'gone'], 2, /no pod shop\/gone/],
    ['traffic is left out', ['--service', 'web', '--no-traffic'], 2, /leave out --no-traffic/],
  ] as const) {
    it(`says so when ${what}`, async () => {
      const ended = await propose(...flags);
      assert.equal(ended.code, code);
      assert.match(ended.stderr, message);
      assert.equal(ended.stdout, '');
    });
  }
});

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Shop, startShop, weft } from './shop.fixture.ts';

/** The commands that ask a mesh, on a real one, as their user has them. Ports are the example's. */
const TO_PAYMENTS = 18101;
const TO_CATALOG = 18102;

const policyOf = (name: string, spec: string) =>
  `apiVersion: weft.dev/v1alpha1\nkind: MeshPolicy\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n`;

const CATALOG = policyOf(
  'catalog',
  '{target: {kind: Service, name: catalog}, traffic: {routes: [{name: items, retry: {attempts: 2, conditions: [ServerError]}}]}}',
);
const LIMITED = policyOf(
  'limits',
  '{target: {kind: Service, name: payments}, inbound: {limits: {maxConnections: 77}}}',
);
const UNACCEPTABLE = policyOf(
  'jwt',
  '{target: {kind: Service, name: payments}, inbound: {jwt: {issuers: [{name: a, issuer: "https://id.example", jwks: {type: Inline, inline: "no keys"}}]}}}',
);

let shop: Shop;
before(async () => {
  shop = await startShop({ 'catalog.yaml': CATALOG });
});
after(() => shop?.stop());

/** Asks with an id of the caller's own, so that it can be asked for. */
async function ask(port: number, path: string, id: string, method = 'GET'): Promise<number> {
  return (await shop.request(port, path, { method, headers: { 'x-request-id': id } })).status;
}

describe('weft explain request', () => {
  it('tells of a denied request, by the id in its answer, which policy and why, on both sides', async () => {
    const answer = await shop.request(TO_PAYMENTS, '/v1/charges', { method: 'POST' });
    assert.equal(answer.status, 403);
    const id = answer.headers.get('x-request-id') ?? '';
    const { code, stdout } = await shop.weft('explain', 'request', id);
    assert.equal(code, 0);
    const lines = stdout.trim().split('\n');
    assert.match(lines[0]!, new RegExp(`^request ${id}: POST /v1/charges host `));
    assert.equal(
      lines.at(-1),
      'Why: 403 denied: no rule of shop/payments allows it, at the called side (shop/payments)',
    );
    const callee = shop.port(18280);
    assert.match(stdout, new RegExp(`shop/web {2}sent to shop/payments:${callee}$`, 'm'));
    assert.match(stdout, /^ {2}endpoint {7}127\.0\.0\.1:\d+, by PeakEWMA among 1 usable of 1 known$/m);
    assert.match(stdout, /^ {2}answer {9}403 weft-error: denied, said by the called side$/m);
    assert.match(stdout, /shop\/payments {2}received at /);
    assert.match(stdout, /^ {2}caller {9}spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web, by mutual TLS from /m);
    assert.match(stdout, /^ {2}authorization {2}denied: no rule of shop\/payments allows it$/m);
  });

  it('names the rule that let a request through', async () => {
    assert.equal(await ask(TO_PAYMENTS, '/v1/charges', 'reads-1'), 200);
    const { stdout } = await shop.weft('explain', 'request', 'reads-1');
    assert.match(stdout, /authorization {2}allowed by rule web-reads of shop\/payments/);
    assert.match(stdout, /^Why: 200 from the app behind shop\/payments itself$/m);
  });

  it('shows the attempts of a request that was retried, and its route', async () => {
    assert.equal(await ask(TO_CATALOG, '/flaky/1', 'flaky-1'), 200);
    const { stdout } = await shop.weft('explain', 'request', 'flaky-1');
    assert.match(stdout, /^ {2}route {10}route items of shop\/catalog$/m);
    assert.match(
      stdout,
      /^ {2}attempts {7}2; failed before: 127\.0\.0\.1:\d+ \(its status is one to retry\)$/m,
    );
    assert.equal(stdout.match(/shop\/catalog {2}received at/g)?.length, 2);
  });

  it('says the same for programs', async () => {
    assert.equal(await ask(TO_CATALOG, '/broken/1', 'broken-1'), 503);
    const { code, stdout } = await shop.weft('explain', 'request', 'broken-1', '-o', 'json');
    assert.equal(code, 0);
    const { id, why, records, unanswered } = JSON.parse(stdout);
    assert.deepEqual([id, unanswered], ['broken-1', []]);
    assert.match(why, /^503 from the app behind shop\/catalog itself$/);
    assert.equal(records.length, 4);
    assert.deepEqual(
      [records[0].sidecar, records[0].record.direction, records[0].record.attempts],
      ['shop/web', 'outbound', 3],
    );
  });

  it('says of what a single side knows that the other was not asked', async () => {
    await ask(TO_PAYMENTS, '/admin', 'one-side');
    const { code, stdout } = await shop.weft('explain', 'request', 'one-side', '--pods', 'web');
    assert.equal(code, 0);
    assert.match(stdout, /Why: 403 denied, said by the sidecar of the called side/);
    assert.match(stdout, /leave out --pods to ask more/);
  });

  it('exits 1 for an id that nobody knows, and says what is kept', async () => {
    const { code, stdout } = await shop.weft('explain', 'request', 'nobody-knows');
    assert.equal(code, 1);
    assert.match(stdout, /^no sidecar that could be asked knows request nobody-knows$/m);
    assert.match(stdout, /^ {2}shop\/payments {2}keeps \d+ since \d{4}-\d\d-\d\dT/m);
    assert.match(stdout, /-A asks all/);
  });

  const bad: [what: string, args: readonly string[], words: RegExp][] = [
    ['no id', [], /missing required argument 'id'/],
    ['an empty id', [''], /that is not the id of a request\nit has 1 to 128 characters/],
    ['an id of 200 characters', ['x'.repeat(200)], /that is not the id of a request/],
    ['a pod that is not there', ['x', '--pods', 'nix'], /no Workload nix is in/],
    ['a namespace without a sidecar', ['x', '-n', 'nix'], /no pod with a sidecar is in nix\nlook elsewhere/],
    ['both all namespaces and one', ['x', '-A', '-n', 'shop'], /cannot be used with option '-n/],
    ['both a folder and a cluster', ['x', '--context', 'c'], /cannot be used with option '--context/],
    ['another format', ['x', '-o', 'xml'], /Allowed choices are text, json, yaml/],
  ];
  for (const [what, args, words] of bad) {
    it(`exits 2 at ${what}`, async () => {
      const { code, stdout, stderr } = await shop.weft('explain', 'request', ...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, words);
    });
  }

  it('exits 2 where the folder does not run, and says how to start it', async () => {
    const { code, stderr } = await weft(['explain', 'request', 'x', '--folder', 'examples/none']);
    assert.deepEqual(
      [code, stderr],
      [2, 'weft: no mesh of examples/none runs here\nstart it: weft run examples/none\n'],
    );
  });
});

describe('weft explain policy', () => {
  it('tells of a workload what is in force, and who says so', async () => {
    const { code, stdout } = await shop.weft('explain', 'policy', '--workload', 'pod/payments');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^ {2}mtls +Strict +from shop\/payments \(generation 1\) spec\.inbound\.mtls\.mode$/m,
    );
    assert.match(stdout, /^ {2}authorization\.rules\[web-reads\] +Allow from shop\/web to GET \/v1\/\*/m);
  });

  it('tells of a pair how the caller reaches it and what it meets there', async () => {
    const { code, stdout } = await shop.weft('explain', 'policy', '--from', 'web', '--to', 'catalog');
    assert.equal(code, 0);
    assert.match(stdout, /^shop\/web → shop\/catalog$/m);
    assert.match(stdout, /routes\[items\] .*retry/);
    assert.match(stdout, /^in the sidecar of shop\/catalog$/m);
  });
});

describe('weft check and weft plan', () => {
  it('find what is open beside what is closed', async () => {
    const { code, stdout } = await shop.weft('check');
    assert.equal(code, 3);
    assert.match(stdout, /^error +OpenService +Service shop\/catalog\n.*\n +fix: /m);
  });

  it('say what a policy would change, and change nothing', async () => {
    const file = join(shop.folder, '..', 'open.yaml');
    await writeFile(
      file,
      policyOf('payments', '{target: {kind: Service, name: payments}, inbound: {mtls: {mode: Permissive}}}'),
    );
    const { code, stdout } = await shop.weft('plan', '-f', file);
    assert.equal(code, 3);
    assert.match(stdout, /^1 proxy: shop\/payments\n +inbound\.mtls +Strict → Permissive/m);
    assert.equal(await ask(TO_PAYMENTS, '/v1/charges', 'still', 'POST'), 403);
  });
});

describe('weft status', () => {
  it('shows every proxy and every policy', async () => {
    const { code, stdout } = await shop.weft('status');
    assert.equal(code, 0);
    for (const proxy of ['catalog', 'payments', 'web']) {
      assert.match(stdout, new RegExp(`^shop/${proxy} +yes +up +[0-9a-f]{8} current +23h\\d+m left$`, 'm'));
    }
    assert.match(stdout, /^shop\/payments +1 +True +True +True \(1 of 1\) +False$/m);
  });

  it('says the same for programs', async () => {
    const { proxies, policies } = JSON.parse((await shop.weft('status', '-A', '-o', 'json')).stdout);
    assert.deepEqual(
      proxies.map(({ proxy, ready, behind }: Record<string, unknown>) => [proxy, ready, behind]),
      ['catalog', 'payments', 'web'].map((name) => [`shop/${name}`, true, []]),
    );
    assert.deepEqual(
      policies.map(({ name, generation }: Record<string, unknown>) => [name, generation]),
      [
        ['catalog', 1],
        ['payments', 1],
      ],
    );
  });
});

describe('weft wait policy', () => {
  it('waits until a policy that was just written is in force', async () => {
    await writeFile(join(shop.folder, 'limits.yaml'), LIMITED);
    const { code, stdout } = await shop.weft('wait', 'policy', 'shop/limits');
    assert.deepEqual([code, stdout], [0, 'policy shop/limits: generation 1 in force on 1 of 1 proxies\n']);
  });

  it('waits for the newest generation, not for one before', async () => {
    await writeFile(join(shop.folder, 'limits.yaml'), LIMITED.replace('77', '78'));
    const { code, stdout } = await shop.weft('wait', 'policy', 'limits');
    assert.deepEqual([code, stdout], [0, 'policy shop/limits: generation 2 in force on 1 of 1 proxies\n']);
  });

  it('ends at once, with what is wrong, when the policy is not accepted', async () => {
    const file = join(shop.folder, 'jwt.yaml');
    await writeFile(file, UNACCEPTABLE);
    const beginMs = performance.now();
    const { code, stderr } = await shop.weft('wait', 'policy', 'jwt', '--timeout', '50s');
    await rm(file);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^weft: policy shop\/jwt: generation 1 is not accepted \(Invalid\): issuer a: jwks/m,
    );
    assert.ok(performance.now() - beginMs < 30_000);
  });

  it('says in time that it is not in force, and where to look', async () => {
    const operator = await shop.pidOf('operator');
    process.kill(operator, 'SIGSTOP');
    try {
      await writeFile(join(shop.folder, 'limits.yaml'), LIMITED.replace('77', '79'));
      const { code, stderr } = await shop.weft('wait', 'policy', 'limits', '--timeout', '600ms');
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^policy shop\/limits: the operator has not read it as it is now\nweft: not in 600ms\n/,
      );
      assert.match(stderr, new RegExp(`is the document valid\\? weft check --folder ${shop.folder}`));
    } finally {
      process.kill(operator, 'SIGCONT');
    }
    assert.equal((await shop.weft('wait', 'policy', 'limits')).code, 0);
  });

  const bad: [what: string, args: readonly string[], words: RegExp][] = [
    ['no time', ['limits', '--timeout', '0s'], /--timeout 0s is not valid\nwrite 90s, 2m or 1h/],
    ['a time that is none', ['limits', '--timeout', 'soon'], /--timeout soon is not valid/],
    ['another condition', ['limits', '--for', 'delete'], /Allowed choices are condition=InForce/],
  ];
  for (const [what, args, words] of bad) {
    it(`exits 2 at ${what}`, async () => {
      const { code, stderr } = await shop.weft('wait', 'policy', ...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    });
  }

  it('exits 1 at a policy that is not there', async () => {
    const { code, stderr } = await shop.weft('wait', 'policy', 'nix');
    assert.equal(code, 1, stderr);
    assert.match(stderr, /there is no MeshPolicy shop\/nix in the mesh of weft run/);
  });

  it('leaves the documents as they were', async () => {
    assert.match(await readFile(join(shop.folder, 'policy.yaml'), 'utf8'), /methods: \[GET\]/);
  });
});

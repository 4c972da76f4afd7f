import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

/** `weft run examples/shop` as a user has it: real processes, real certificates, real sockets. */
const SHOP = 'examples/shop';
const PORTS = [18081, 18082, 18083, 18101, 18102, 18180, 18190, 18280, 18290, 18301, 18380, 18390];

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

function weft(...args: string[]): Run {
  const child = spawn(process.execPath, ['weft.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, output: () => output };
}

async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`not within ${withinMs} ms: ${what}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function assertPortsFree(): Promise<void> {
  for (const port of PORTS) assert.ok(await isFree(port), `port ${port} is still in use`);
}

async function status(method: string, url: string): Promise<number> {
  const answer = await fetch(url, { method }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status ?? 0;
}

describe('weft run --once', () => {
  it('proves every expectation of the shop, exits 0 and leaves nothing running', async () => {
    const run = weft('run', SHOP, '--once');
    assert.equal(await run.ended, 0, run.output());
    const lines = run.output().split('\n');
    const expectations = JSON.parse(await readFile(join(SHOP, 'expectations.json'), 'utf8'));
    const expected =
      expectations.requests.length + expectations.encrypted.length + expectations.plaintextRefused.length + 1;
    assert.equal(lines.filter((line) => line.startsWith('ok ')).length, expected, run.output());
    assert.match(run.output(), /in force after \d+ ms/);
    assert.match(run.output(), new RegExp(`${expected} of ${expected} expectations held`));
    await assertPortsFree();
  });

  it('leaves the policy file of the example as it was', async () => {
    assert.match(await readFile(join(SHOP, 'policy.yaml'), 'utf8'), /methods: \[GET\]/);
  });

  it('exits 1 and names the expectation that did not hold', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-embedded-'));
    await cp(SHOP, folder, { recursive: true });
    const file = join(folder, 'expectations.json');
    const expectations = JSON.parse(await readFile(file, 'utf8'));
    const wrong = expectations.requests.find(({ error }: { error?: string }) => error === 'denied');
    Object.assign(wrong, { status: 200, error: undefined });
    await writeFile(file, JSON.stringify(expectations));
    const run = weft('run', folder, '--once');
    assert.equal(await run.ended, 1, run.output());
    assert.match(run.output(), /FAIL .*web may not write to payments.*403 weft-error: denied/);
    await rm(folder, { recursive: true });
  });
});

describe('weft run, given something wrong', () => {
  it('says which folder cannot be read', async () => {
    const run = weft('run', 'no/such/folder');
    assert.equal(await run.ended, 2);
    assert.match(run.output(), /no\/such\/folder is not a folder that can be read/);
  });

  it('says where a Workload document is wrong', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-embedded-'));
    const bad =
      'apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: a, namespace: b}\nspec: {admin: {port: 99999}}\n';
    await writeFile(join(folder, 'a.yaml'), bad);
    const run = weft('run', folder);
    assert.equal(await run.ended, 2);
    assert.match(run.output(), /a\.yaml:1: Workload a\n[\s\S]*serviceAccount/);
    assert.match(run.output(), /spec\.admin\.port/);
    await rm(folder, { recursive: true });
  });

  it('says which port is taken, by whom it is wanted, and starts nothing', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(18280, '127.0.0.1', resolve));
    const run = weft('run', SHOP, '--once');
    assert.equal(await run.ended, 2, run.output());
    assert.match(run.output(), /port 18280 \(the inbound port of shop\/payments\) is in use/);
    await new Promise((resolve) => taken.close(resolve));
    await assertPortsFree();
  });
});

describe('weft run, ended the hard way', () => {
  const start = async () => {
    const run = weft('run', SHOP);
    const payments = 'http://127.0.0.1:18101/v1/charges';
    await eventually('the shop answers', async () => (await status('GET', payments)) === 200);
    return run;
  };
  const portsFree = async () => (await Promise.all(PORTS.map(isFree))).every((free) => free);

  it('takes Ctrl-C and the same signal forwarded by a launcher as one wish', async () => {
    const run = await start();
    run.child.kill('SIGINT');
    run.child.kill('SIGINT');
    assert.equal(await run.ended, 0, run.output());
    await assertPortsFree();
  });

  it('leaves nothing running when the runner itself is killed', async () => {
    const run = await start();
    run.child.kill('SIGKILL');
    await run.ended;
    await eventually('every process is gone', portsFree, 5_000);
  });

  it('ends at once, with the last lines of its log, when an app cannot start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-embedded-'));
    await cp(SHOP, folder, { recursive: true });
    await writeFile(join(folder, 'apps', 'catalog.js'), "throw new Error('no yarn left');\n");
    const run = weft('run', folder);
    const timer = setTimeout(() => run.child.kill('SIGKILL'), 20_000);
    assert.equal(await run.ended, 1, run.output());
    clearTimeout(timer);
    assert.match(run.output(), /shop-catalog ended unexpectedly \(exit code 1\)[\s\S]*no yarn left/);
    await assertPortsFree();
    await rm(folder, { recursive: true });
  });
});

describe('weft run, while it runs', () => {
  let folder: string;
  let run: Run;
  const payments = 'http://127.0.0.1:18101/v1/charges';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-embedded-'));
    await cp(SHOP, folder, { recursive: true });
    run = weft('run', folder);
    await eventually('the shop answers', async () => (await status('GET', payments)) === 200);
  });

  after(async () => {
    run.child.kill('SIGINT');
    await run.ended;
    await rm(folder, { recursive: true });
  });

  it('shows who talks to whom', async () => {
    await eventually('edges are shown', () => /shop\/web → shop\/payments: \d+ allowed/.test(run.output()));
    await eventually('denials are shown', () =>
      /shop\/catalog → shop\/payments: 0 allowed, \d+ denied/.test(run.output()),
    );
  });

  it('takes an edited policy into force and shows it', async () => {
    assert.equal(await status('POST', payments), 403);
    const file = join(folder, 'policy.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('methods: [GET]', 'methods: [GET, POST]'));
    await eventually('POST is allowed', async () => (await status('POST', payments)) === 201, 5_000);
    await eventually('the view shows it', () => /policy .*payments.*in force on 1 of 1/.test(run.output()));
  });

  it('keeps the last good policy when the file asks for what is not acceptable, and says so', async () => {
    const file = join(folder, 'policy.yaml');
    const good = await readFile(file, 'utf8');
    const unacceptable = good.replace(
      'mtls: {mode: Strict}',
      'mtls: {mode: Permissive}\n    jwt: {issuers: [{name: a, issuer: "https://id.example", jwks: {type: Inline, inline: "no keys"}}]}',
    );
    await writeFile(file, unacceptable);
    await eventually('the refusal is shown', () => /NOT accepted \(Invalid\).*jwks/.test(run.output()));
    assert.equal(await status('GET', 'http://127.0.0.1:18301/v1/charges'), 403, 'catalog stays refused');
    await writeFile(file, good);
  });

  it('keeps the last good policy when the file is not YAML', async () => {
    const file = join(folder, 'policy.yaml');
    const good = await readFile(file, 'utf8');
    await writeFile(file, 'kind: [MeshPolicy\n');
    await eventually('the view says where', () => /policy\.yaml:\d+/.test(run.output()));
    assert.equal(await status('GET', payments), 200);
    assert.equal(await status('GET', 'http://127.0.0.1:18301/v1/charges'), 403);
    await writeFile(file, good);
  });

  it('says that a removed policy leaves open what it closed', async () => {
    const file = join(folder, 'policy.yaml');
    const good = await readFile(file, 'utf8');
    await rm(file);
    await eventually(
      'it is open',
      async () => (await status('GET', 'http://127.0.0.1:18301/v1/charges')) === 200,
    );
    await eventually('the view says so', () => /policy shop\/payments.*removed/.test(run.output()));
    await writeFile(file, good);
    await eventually(
      'it is closed again',
      async () => (await status('GET', 'http://127.0.0.1:18301/v1/charges')) === 403,
    );
  });

  it('ends everything on Ctrl-C', async () => {
    run.child.kill('SIGINT');
    assert.equal(await run.ended, 0, run.output());
    await assertPortsFree();
  });
});

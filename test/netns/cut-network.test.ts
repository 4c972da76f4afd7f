import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { connectNamespaces, Namespace } from './namespace.ts';
import { obstacle } from './obstacle.ts';

const FIXTURE = new URL('./cut-network.fixture.ts', import.meta.url).pathname;
const CALLER = '10.67.0.5';
const ENDPOINTS = ['10.67.0.9', '10.67.0.10'] as const;
/** For a busy machine; without a watch it takes the kernel a quarter of an hour. */
const WITHIN_MS = 60_000;

interface Answer {
  readonly line: string;
  readonly status: number;
  readonly code: string;
  readonly tookMs: number;
}

/** The fixture in a namespace. */
class Part {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(namespace: Namespace, args: readonly string[]) {
    const entry = [`--net=/proc/${namespace.first.pid}/ns/net`, '--', process.execPath, FIXTURE];
    this.#child = spawn('nsenter', [...entry, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('the fixture ended');
    return value;
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Of requests at the same time, by what was asked. */
  async ask(lines: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
    for (const line of lines) this.tell(line);
    const answers = new Map<string, Answer>();
    while (answers.size < lines.length) {
      const answer = JSON.parse(await this.line()) as Answer;
      answers.set(answer.line, answer);
    }
    return answers;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

const reason = obstacle();

describe('a network that is cut without a word', { skip: reason, timeout: 180_000 }, () => {
  const ASKED = ['http1 GET', 'http1 POST', 'http2 GET', 'http2 POST'];
  let web: Namespace;
  let api: Namespace;
  let server: Part;
  let caller: Part;

  before(async () => {
    [web, api] = [new Namespace(), new Namespace()];
    await Promise.all([web.ready(), api.ready()]);
    await connectNamespaces(web, api);
    await web.run('ip', ['addr', 'add', `${CALLER}/24`, 'dev', 'eth0']);
    for (const address of ENDPOINTS) await api.run('ip', ['addr', 'add', `${address}/24`, 'dev', 'eth0']);
    server = new Part(api, ['serve']);
    caller = new Part(web, ['call', ...ENDPOINTS]);
    assert.deepEqual([await server.line(), await caller.line()], ['ready', 'ready']);
  });
  after(async () => {
    await Promise.all([caller?.stop(), server?.stop()]);
    await Promise.all([web?.stop(), api?.stop()]);
  });

  it('costs what was on its way, after seconds; what may be sent twice goes to another endpoint', async (t) => {
    // connections that are kept: one for each request of HTTP/1
    for (const answer of (await caller.ask(ASKED)).values()) assert.equal(answer.status, 200, answer.line);
    await api.run('iptables', ['-I', 'INPUT', '-d', ENDPOINTS[0], '-j', 'DROP']);
    const pending = caller.ask(ASKED);
    // the first goes over what was open; by the time it is given up there is another endpoint
    setTimeout(() => caller.tell('both'), 1_000);
    const answers = await pending;
    for (const { line, status, code, tookMs } of answers.values()) {
      t.diagnostic(`${line}: ${status} ${code} after ${Math.round(tookMs)} ms`);
      assert.ok(tookMs < WITHIN_MS, `${line} took ${tookMs} ms`);
      // what may have been done is not done again
      assert.equal(status, line.endsWith('POST') ? 502 : 200, `${line}: ${code}`);
    }
    const next = await caller.ask(ASKED);
    for (const { line, status, tookMs } of next.values()) {
      t.diagnostic(`then ${line}: ${status} after ${Math.round(tookMs)} ms`);
      assert.equal(status, 200, line);
    }
  });
});

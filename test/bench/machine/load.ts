import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_NAME, type Leaf } from './certificates.ts';
import { LOAD_CORE } from './pinned.ts';

/** What a load generator saw. */
export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly seconds: number;
  /** connections whose session was resumed */
  readonly resumed?: number;
  /** why the first error happened */
  readonly reason?: string;
}

/** What is asked for on each connection. */
export interface LoadRequest {
  readonly path: string;
  /** bytes of request body; 0 means GET */
  readonly post: number;
  /** of every request; wrk only */
  readonly headers?: Readonly<Record<string, string>>;
  /** a header that goes through so many values, request by request; wrk only */
  readonly varying?: { readonly header: string; readonly values: number };
}
export const SMALL_REQUEST: LoadRequest = { path: '/', post: 0 };

/** Builds load/ (Go) into `dir`. */
export function buildLoad(dir: string): string {
  const binary = join(dir, 'load');
  const cwd = join(import.meta.dirname, '../load');
  execFileSync('go', ['build', '-o', binary, '.'], { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  return binary;
}

/** wrk: the closed loop in plaintext. */
export async function runWrk(
  dir: string,
  port: number,
  connections: number,
  seconds: number,
  request: LoadRequest,
): Promise<LoadResult> {
  const text = wrkScript(request);
  const script = join(dir, `wrk-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.lua`);
  writeFileSync(script, text);
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script];
  return parseResult(await run('wrk', [...args, `http://127.0.0.1:${port}${request.path}`], seconds));
}

/** Speaks the result as JSON; without a `request` function wrk repeats one prepared request. */
function wrkScript({ post, headers = {}, varying }: LoadRequest): string {
  const method = post === 0 ? '' : `wrk.method = "POST"\nwrk.body = string.rep("x", ${post})\n`;
  const fields = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}\n`,
  );
  return `${method}${fields.join('')}${varying === undefined ? '' : varyingScript(varying)}done = function(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  local reason = ""
  if failed > 0 then
    reason = string.format(',"reason":"connect %d, read %d, write %d, status %d, timeout %d"',
      e.connect, e.read, e.write, e.status, e.timeout)
  end
  io.write(string.format('{"requests":%d,"errors":%d,"p50Ms":%.4f,"p99Ms":%.4f,"seconds":%.4f%s}\\n',
    summary.requests, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.duration / 1000000, reason))
end
`;
}

/** The requests are made beforehand. */
function varyingScript({ header, values }: NonNullable<LoadRequest['varying']>): string {
  return `local prepared, turn = {}, 0
init = function()
  for i = 1, ${values} do
    prepared[i] = wrk.format(nil, nil, { ["${header}"] = "value-" .. i })
  end
end
request = function()
  turn = turn % ${values} + 1
  return prepared[turn]
end
`;
}

export interface GoLoad {
  readonly mode: 'closed' | 'open' | 'handshake' | 'stream';
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly request?: LoadRequest;
  /** absent: plaintext */
  readonly tls?: {
    readonly leaf: Leaf;
    readonly ca: string;
    readonly alpn: string;
    readonly resume?: boolean;
  };
  /** requests a second, mode open */
  readonly rate?: number;
  /** HTTP/2, `streams` requests at the same time on each connection in mode closed */
  readonly h2?: { readonly streams: number; readonly grpc: boolean };
}

export async function runGoLoad(load: string, options: GoLoad): Promise<LoadResult> {
  const { mode, seconds, rate } = options;
  const args = ['-mode', mode, '-duration', `${seconds}s`, ...(rate ? ['-rate', String(rate)] : [])];
  return parseResult(await run(load, [...args, ...goArguments(options)], seconds));
}

type Target = Pick<GoLoad, 'port' | 'connections' | 'request' | 'tls' | 'h2'>;

function goArguments({ port, connections, request = SMALL_REQUEST, tls, h2 }: Target): string[] {
  const args = ['-addr', `127.0.0.1:${port}`, '-conns', String(connections)];
  args.push('-path', request.path, '-post', String(request.post));
  if (h2 !== undefined) args.push('-h2', '-streams', String(h2.streams), `-grpc=${h2.grpc}`);
  if (tls === undefined) return args;
  const { leaf, ca, alpn, resume } = tls;
  args.push('-cert', leaf.cert, '-key', leaf.key, '-ca', ca, '-name', API_NAME, '-alpn', alpn);
  return resume ? [...args, '-resume'] : args;
}

/** Opens connections, sends one request on each and keeps them open until `close`. */
export async function holdIdle(load: string, target: Target): Promise<{ close(): Promise<void> }> {
  const args = ['-c', String(LOAD_CORE), load, '-mode', 'idle', ...goArguments(target)];
  const child = spawn('taskset', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('close', () => reject(new Error('the idle connections could not be opened')));
  });
  return {
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Runs a generator on the load's core and returns what it printed. */
function run(command: string, args: readonly string[], seconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('taskset', ['-c', String(LOAD_CORE), command, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: (seconds + 30) * 1000,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${code ?? signal}`));
    });
  });
}

function parseResult(output: string): LoadResult {
  const line = output.split('\n').findLast((candidate) => candidate.startsWith('{'));
  if (line === undefined) throw new Error(`no result in: ${output}`);
  return JSON.parse(line) as LoadResult;
}

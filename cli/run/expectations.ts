import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { APP_ADDRESS, type WorkloadDocument } from '../../api/workload.ts';
import type { Edge } from './admin-client.ts';
import type { RunningMesh } from './mesh.ts';
import { addressOf } from './workload-place.ts';

/** `expectations.json` of a folder: what `weft run --once` proves. */
export interface Expectations {
  readonly requests: readonly ExpectedRequest[];
  /** the called side's sidecar saw mTLS, and nothing else, on this edge */
  readonly encrypted: readonly { readonly from: string; readonly to: string }[];
  /** workloads whose inbound port gives no answer to plaintext */
  readonly plaintextRefused: readonly string[];
  readonly policyChange?: PolicyChange;
}
export interface ExpectedRequest {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** expected `weft-error` header; absent: none */
  readonly error?: string;
}
export interface PolicyChange {
  readonly file: string;
  readonly replace: string;
  readonly with: string;
  readonly request: ExpectedRequest;
  readonly withinMs: number;
}
export interface Outcome {
  readonly held: boolean;
  readonly line: string;
}

const REQUEST_TIMEOUT_MS = 5_000;
const CHANGE_TIMEOUT_MS = 10_000;

export async function* checkExpectations(
  expectations: Expectations,
  mesh: RunningMesh,
  documents: string,
): AsyncGenerator<Outcome> {
  for (const expected of expectations.requests) yield await checkRequest(expected, mesh.workloads);
  for (const name of expectations.plaintextRefused) yield await checkPlaintextRefused(name, mesh.workloads);
  const edges = await mesh.edges();
  for (const edge of expectations.encrypted) yield checkEncrypted(edge.from, edge.to, edges);
  if (expectations.policyChange !== undefined) {
    yield await checkPolicyChange(expectations.policyChange, mesh.workloads, documents);
  }
}

async function checkRequest(
  expected: ExpectedRequest,
  workloads: readonly WorkloadDocument[],
): Promise<Outcome> {
  const got = await send(expected, workloads);
  const held = got.status === expected.status && got.error === expected.error;
  const kind = expected.error === undefined ? 'allowed' : expected.error;
  const what = `${expected.method} ${expected.to}${expected.path} from ${expected.from}`;
  return outcome(held, kind, `${expected.name} (${what}: ${describe(got)})`);
}

function checkEncrypted(from: string, to: string, edges: readonly Edge[]): Outcome {
  const seen = edges.filter(
    (edge) => edge.direction === 'inbound' && nameOf(edge.source) === from && nameOf(edge.destination) === to,
  );
  const held = seen.length > 0 && seen.every((edge) => edge.encrypted);
  return outcome(
    held,
    'encrypted',
    `${from} → ${to} ${held ? 'is mutual TLS' : 'was not seen as mutual TLS'}`,
  );
}

async function checkPlaintextRefused(name: string, workloads: readonly WorkloadDocument[]): Promise<Outcome> {
  const workload = find(name, workloads);
  const bytes = await plaintextAnswer(addressOf(workload), workload.spec.ports![0]!.port);
  const said = bytes === 0 ? 'closed without a byte' : `answered ${bytes} bytes`;
  return outcome(bytes === 0, 'refused', `plaintext to ${name} (${said})`);
}

/**
 * The time runs from the change of the file to the first answer that shows it, asked for every 10 ms. The
 * answer before the change must be another one, or the check proves nothing.
 */
async function checkPolicyChange(
  change: PolicyChange,
  workloads: readonly WorkloadDocument[],
  documents: string,
): Promise<Outcome> {
  const before = await send(change.request, workloads);
  if (before.status === change.request.status) {
    return outcome(false, 'policy change', `${change.request.name}: was already so before the change`);
  }
  const file = join(documents, change.file);
  const text = await readFile(file, 'utf8');
  const changed = text.replace(change.replace, change.with);
  if (changed === text)
    return outcome(false, 'policy change', `'${change.replace}' is not in ${change.file}`);
  const startMs = performance.now();
  await writeFile(file, changed);
  let got = before;
  while (got.status !== change.request.status && performance.now() - startMs < CHANGE_TIMEOUT_MS) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    got = await send(change.request, workloads);
  }
  const tookMs = Math.round(performance.now() - startMs);
  const held = got.status === change.request.status && tookMs <= change.withinMs;
  return outcome(
    held,
    'policy change',
    `${change.request.name}: in force after ${tookMs} ms (${describe(got)})`,
  );
}

interface Answer {
  readonly status: number;
  readonly error: string | undefined;
  readonly failure?: string;
}

/** As the app of `from` would: plain HTTP to the loopback port of its own sidecar. */
function send(expected: ExpectedRequest, workloads: readonly WorkloadDocument[]): Promise<Answer> {
  const from = find(expected.from, workloads);
  const outbound = from.spec.outbound?.find(({ service }) => nameOf(service) === expected.to);
  if (outbound === undefined) {
    return Promise.resolve({
      status: 0,
      error: undefined,
      failure: `${expected.from} has no outbound port for it`,
    });
  }
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: 0, error: undefined, failure: error.message });
    const sent = request(
      {
        host: APP_ADDRESS,
        port: outbound.port,
        method: expected.method,
        path: expected.path,
        timeout: REQUEST_TIMEOUT_MS,
        agent: false,
      },
      (response) => {
        const error = response.headers['weft-error'];
        response.resume();
        response.on('error', failed);
        response.on('end', () =>
          resolve({ status: response.statusCode!, error: typeof error === 'string' ? error : undefined }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', failed);
    sent.end();
  });
}

/** How many bytes a plaintext HTTP client is given before the connection ends. */
function plaintextAnswer(host: string, port: number): Promise<number> {
  return new Promise((resolve) => {
    let bytes = 0;
    const socket = connect(port, host, () =>
      socket.write('GET /v1/charges HTTP/1.1\r\nhost: payments\r\n\r\n'),
    );
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => {
      bytes = -1; // left open: neither refused nor answered
      socket.destroy();
    });
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(bytes));
  });
}

function find(name: string, workloads: readonly WorkloadDocument[]): WorkloadDocument {
  const found = workloads.find((workload) => workload.metadata.name === name);
  if (found === undefined) throw new Error(`expectations.json names ${name}, and no Workload has that name`);
  return found;
}

/** `ns/name` and `name` alike. */
function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function describe(answer: Answer): string {
  if (answer.failure !== undefined) return answer.failure;
  return answer.error === undefined ? `${answer.status}` : `${answer.status} weft-error: ${answer.error}`;
}

function outcome(held: boolean, kind: string, text: string): Outcome {
  return { held, line: `${held ? 'ok  ' : 'FAIL'}  ${kind.padEnd(13)}  ${text}` };
}

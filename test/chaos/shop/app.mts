// Every app of the shop: serves, calls on for what it is asked, and calls by itself. Runs in pods, from a ConfigMap.
import { closeSync, existsSync, openSync, readdirSync, writeSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Call, ShopRecord } from './records.ts';

/** A closed loop: the next request follows the answer after a pause. */
interface Stream {
  readonly method: string;
  readonly to: string;
  readonly workers: number;
  readonly pauseMs: number;
}

const { SERVICE = '', HOSTNAME: POD = '', RECORDS = '' } = process.env;
/** method → the service that is called for it */
const CALLS: Readonly<Record<string, string>> = JSON.parse(process.env.CALLS ?? '{}');
const STREAMS: readonly Stream[] = JSON.parse(process.env.STREAMS ?? '[]');
const PATIENCE_MS = 10_000;
/** Another for each start of a container, which may be of the same pod. */
const START = Date.now().toString(36);
const BODY = 'one of these, please';
/** Nobody may become somebody by saying so. */
const PRETENDED = { 'weft-caller': 'spiffe://cluster.local/ns/chaos/sa/orders' };

/** What is full and was read may be removed, so that a long run needs no large disk. */
const FILE_MAX_BYTES = 8 * 1024 * 1024;
const PREFIX = `${SERVICE}.${POD}.`;
let fileIndex = Math.max(0, ...readdirSync(RECORDS).flatMap((name) => indexOf(name)));
let file = openFile();
// after what somebody of the same name may have left of a line when he was killed
let fileBytes = writeSync(file, '\n');
const agent = new Agent({ keepAlive: true });
let isEnding = false;

/** `web.web-1.3.jsonl` → 3, for a pod of that name. */
function indexOf(name: string): number[] {
  return name.startsWith(PREFIX) ? [Number(name.slice(PREFIX.length).split('.')[0])] : [];
}

function openFile(): number {
  return openSync(`${RECORDS}/${PREFIX}${fileIndex}.jsonl`, 'a');
}

/** Written when this returns, whatever becomes of this process. */
function record(what: ShopRecord): void {
  fileBytes += writeSync(file, `${JSON.stringify(what)}\n`);
  if (fileBytes < FILE_MAX_BYTES) return;
  closeSync(file);
  fileIndex += 1;
  file = openFile();
  fileBytes = 0;
}

type Outcome = Pick<Call, 'status' | 'error' | 'answer'>;

function outcomeOf(response: IncomingMessage, text: string): Outcome {
  const status = response.statusCode ?? 0;
  const error = response.headers['weft-error'];
  if (error !== undefined) return { status, error: String(error) };
  try {
    const { service, pod, id, error: said } = JSON.parse(text);
    return { status, answer: { service, pod, id }, ...(said === undefined ? {} : { error: said }) };
  } catch {
    return { status, error: `not an answer of the shop: ${text.slice(0, 100)}` };
  }
}

function send(method: string, to: string, id: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { ...PRETENDED, 'x-request-of': id };
    const sent = request(`http://${to}/of/${id}`, { agent, method, headers, timeout: PATIENCE_MS });
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('error', (error) => resolve({ status: 0, error: `cut off: ${error.message}` }));
      response.on('end', () => resolve(outcomeOf(response, text)));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', (error) => resolve({ status: 0, error: error.message }));
    sent.end(method === 'POST' ? BODY : undefined);
  });
}

async function call(method: string, to: string, id: string): Promise<Outcome> {
  const beganMs = Date.now();
  const outcome = await send(method, to, id);
  record({ kind: 'call', beganMs, atMs: Date.now(), from: SERVICE, pod: POD, to, method, id, ...outcome });
  return outcome;
}

function answer(response: ServerResponse, status: number, said: object): void {
  if (isEnding) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(said));
}

async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = incoming;
  incoming.resume();
  if (url === '/live') return answer(response, 200, {});
  const id = url.split('/')[2] ?? '';
  const caller = headers['weft-caller'];
  record({
    ...{ kind: 'execution', atMs: Date.now(), service: SERVICE, pod: POD, method, id },
    ...(typeof caller === 'string' ? { caller } : {}),
  });
  const me = { service: SERVICE, pod: POD, id: String(headers['x-request-of']) };
  const next = CALLS[method];
  if (next === undefined) return answer(response, 200, me);
  const { status, error } = await call(method, next, id);
  if (status === 200) answer(response, 200, me);
  else answer(response, 502, { ...me, error: `${next}: ${status} ${error}` });
}

/** A file asks for the end, so that nothing has to be reached for it. */
const isOver = () => isEnding || existsSync(`${RECORDS}/stop`);

async function work({ method, to, pauseMs }: Stream, name: string): Promise<void> {
  for (let count = 1; !isOver(); count++) {
    await call(method, to, `${POD}-${START}-${name}-${count}`);
    await delay(pauseMs);
  }
}

const server = createServer((incoming, response) => void serve(incoming, response));
server.listen(8080);
STREAMS.forEach((stream, index) => {
  for (let worker = 1; worker <= stream.workers; worker++) void work(stream, `${index}.${worker}`);
});
process.on('SIGTERM', () => {
  isEnding = true;
  server.close(() => process.exit(0));
  if (STREAMS.length > 0) process.exit(0);
});

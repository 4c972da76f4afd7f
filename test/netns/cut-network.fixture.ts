import http from 'node:http';
import http2 from 'node:http2';
import { Writable } from 'node:stream';
import { createDataPath } from '../../sidecar/data-path.ts';
import { SILENT } from '../../sidecar/log.ts';
import { destination, FakeState, proxyConfig } from '../../sidecar/testing/fake-state.ts';

/**
 * Inside a network namespace: `serve` answers GET and POST of either version at port 8080 and 8082; `call ADDRESS OTHER`
 * is a sidecar whose destinations are at ADDRESS, with OTHER beside it, and asks as it is told on standard input:
 * `http1 POST` a line, answered by a line of JSON.
 */
const [role, address = '', other = ''] = process.argv.slice(2);
if (role === 'serve') {
  const options = { keepAliveTimeout: 60_000 };
  http
    .createServer(options, (request, response) => request.resume().on('end', () => response.end('ok')))
    .listen(8080);
  http2.createServer((_request, response) => response.end('ok')).listen(8082);
  console.log('ready');
} else await call();

async function call(): Promise<void> {
  const listener = (key: string) => ({ address: '127.0.0.1', port: 0, destination: key });
  const keys = { http1: 'shop/api:8080', http2: 'shop/api:8082' } as const;
  const listeners = {
    inbound: [],
    outbound: [listener(keys.http1), listener(keys.http2)],
    admin: { address: '127.0.0.1', port: 1 },
  };
  const state = new FakeState(undefined, proxyConfig('web', { listeners }));
  const publish = (addresses: readonly string[]) => {
    for (const key of Object.values(keys)) {
      const port = Number(key.split(':')[1]);
      const endpoints = addresses.map((each) => ({ address: each, port, workload: 'api' }));
      const protocol = port === 8080 ? 'HTTP' : 'HTTP2';
      state.destinations.set(key, destination(key, endpoints, { name: 'api', protocol }));
    }
  };
  publish([address]);
  // standard output is for answers
  const accessLog = new Writable({ write: (_chunk, _encoding, done) => done() });
  const path = createDataPath({
    state,
    log: SILENT,
    accessLog,
    trails: 0,
    limits: { appIdleMs: 60_000 },
  });
  await path.start(state.config!);
  const [http1, overHttp2] = path.addresses();
  console.log('ready');
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) {
      if (line === 'both') publish([address, other]);
      else void ask(line, line.startsWith('http1') ? http1!.port : overHttp2!.port);
    }
  });
  process.stdin.on('end', () => process.exit(0));
}

async function ask(line: string, port: number): Promise<void> {
  const [version, method = 'GET'] = line.split(' ');
  const startMs = performance.now();
  const answer = await (version === 'http1' ? askHttp1(method, port) : askHttp2(method, port));
  console.log(JSON.stringify({ line, ...answer, tookMs: performance.now() - startMs }));
}

interface Answer {
  readonly status: number;
  readonly code: string;
}

function askHttp1(method: string, port: number): Promise<Answer> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, method, agent: false }, (response) => {
      response.resume().on('end', () => {
        resolve({ status: response.statusCode ?? 0, code: String(response.headers['weft-error'] ?? '') });
      });
    });
    request.once('error', (error) => resolve({ status: 0, code: error.message }));
    request.end(method === 'POST' ? 'body' : undefined);
  });
}

function askHttp2(method: string, port: number): Promise<Answer> {
  return new Promise((resolve) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const done = (status: number, code: string) => {
      session.destroy();
      resolve({ status, code });
    };
    session.once('error', (error) => done(0, error.message));
    const stream = session.request({ ':method': method, ':path': '/' }, { endStream: method !== 'POST' });
    stream.once('error', (error) => done(0, error.message));
    stream.once('response', (head) => {
      stream.resume().once('end', () => done(Number(head[':status']), String(head['weft-error'] ?? '')));
    });
    if (method === 'POST') stream.end('body');
  });
}

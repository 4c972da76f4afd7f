import { testAppImage } from './images.ts';
import { namespace } from './policies.fixture.ts';

/** Where the tests of a pod's life have their workloads. */
export const LIFE = 'lifecycle';

/**
 * A server whose answers take a moment, so that some are always under way. On SIGTERM it tells `ledger`, then refuses
 * new connections, finishes what it has and ends; with HASTY it ends at once. With NEEDS it calls there before it
 * serves, and fails if that fails. `/?ms=200` takes that long; `/last` says when it was last asked for `/`, by its own
 * clock; `/heard` what it was told.
 */
const SERVER = `
  const { APP, HASTY, NEEDS, HOSTNAME } = process.env;
  const heard = [];
  let last = 0, isEnding = false;
  const server = require('node:http').createServer((request, response) => {
    const end = (status, said) => {
      if (isEnding) response.setHeader('connection', 'close');
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said));
    };
    request.resume();
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    if (pathname === '/live') return end(200, 'live');
    if (pathname === '/last') return end(200, last);
    if (pathname === '/heard') return end(200, heard);
    if (pathname === '/tell') return end(200, heard.push(searchParams.get('what')));
    last = Date.now();
    setTimeout(() => end(200, { app: APP, pod: HOSTNAME }), Number(searchParams.get('ms') ?? 20));
  });
  const tell = async (what) => (await fetch('http://ledger/tell?what=' + what + '/' + HOSTNAME)).text();
  const serve = async () => {
    if (NEEDS) await tell(APP + '-start');
    server.listen(8080);
  };
  serve().catch((error) => { console.error(error); process.exit(1); });
  process.on('SIGTERM', async () => {
    if (HASTY) process.exit(0);
    isEnding = true;
    server.close(() => { isClosed = true; });
    let isClosed = false;
    if (NEEDS) await tell(APP + '-end').catch((error) => console.error(error));
    setInterval(() => { if (isClosed) process.exit(0); }, 20);
  });`;

/**
 * A load of our own, for what no generator of others tells (h2load.fixture.ts): which pod answered, why a request
 * failed, how long there was no answer; and POSTs. Closed loops, WORKERS for each of STREAMS, over connections that are
 * kept. It counts in its own memory, so that it needs nobody to go on, and says on port 9000 what it has seen since a
 * stream was last told to begin anew.
 */
const CLIENT = `
  const http = require('node:http');
  const streams = Object.entries(JSON.parse(process.env.STREAMS));
  const agent = new http.Agent({ keepAlive: true });
  const now = () => performance.now();
  const seen = {};
  const begin = (names) => {
    for (const name of names) {
      seen[name] = { sent: 0, answered: 0, failed: 0, slowestMs: 0, silenceMs: 0, lastMs: now(), failures: [], pods: {} };
    }
  };
  const ask = ({ url, method = 'GET', body }) => new Promise((resolve) => {
    const request = http.request(url, { agent, method, timeout: 10000 }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('error', (error) => resolve({ error: 'cut: ' + error.message }));
      response.on('end', () => response.statusCode === 200 ? resolve({ pod: JSON.parse(text).pod })
        : resolve({ error: response.statusCode + ' ' + response.headers['weft-error'] }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 10 s')));
    request.on('error', (error) => resolve({ error: error.message }));
    request.end(body);
  });
  const work = async ([name, stream]) => {
    for (;;) {
      const startMs = now();
      const of = seen[name];
      of.sent += 1;
      const { error, pod } = await ask(stream);
      const endMs = now();
      of.slowestMs = Math.max(of.slowestMs, endMs - startMs);
      if (error) {
        of.failed += 1;
        if (of.failures.length < 50) of.failures.push({ at: new Date().toISOString(), error });
      } else {
        of.answered += 1;
        of.pods[pod] = (of.pods[pod] ?? 0) + 1;
        of.silenceMs = Math.max(of.silenceMs, endMs - of.lastMs);
        of.lastMs = endMs;
      }
      await new Promise((resolve) => setTimeout(resolve, Number(process.env.PAUSE_MS)));
    }
  };
  begin(streams.map(([name]) => name));
  http.createServer((request, response) => {
    const [, what, names] = request.url.split('/');
    if (what === 'begin') begin(names.split(','));
    response.end(JSON.stringify(seen));
  }).listen(9000);
  for (const stream of streams) for (let i = 0; i < Number(process.env.WORKERS); i++) void work(stream);
  process.on('SIGTERM', () => process.exit(0));`;

interface AppOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly replicas?: number;
  /** how long the kubelet waits for the app to say that it is ready */
  readonly probeTimeoutSeconds?: number;
}

const meta = (where: string, name: string) => ({ namespace: where, name, labels: { app: name } });
const environment = (env: Readonly<Record<string, string>>) =>
  Object.entries(env).map(([name, value]) => ({ name, value }));
/** The container of the app, in the image that all test workloads run in. */
export const container = (
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  more: object = {},
) => ({
  name: 'app',
  image: testAppImage,
  imagePullPolicy: 'IfNotPresent',
  command,
  env: environment(env),
  ...more,
});

/** A Deployment whose label `app` is its name; new pods are ready before others go. */
export function deployment(
  where: string,
  name: string,
  replicas: number,
  containers: readonly object[],
): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(where, name),
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      strategy: { rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 30, containers },
      },
    },
  };
}

/** A Deployment of servers and its Service. */
export function server(where: string, name: string, options: AppOptions = {}): object[] {
  const { env = {}, replicas = 1, probeTimeoutSeconds: timeoutSeconds = 5 } = options;
  const probed = {
    ports: [{ name: 'http', containerPort: 8080 }],
    // a slow machine, or wire, makes no pod unready
    readinessProbe: { httpGet: { path: '/live', port: 'http' }, periodSeconds: 1, timeoutSeconds },
  };
  return [
    deployment(where, name, replicas, [container(['node', '-e', SERVER], { APP: name, ...env }, probed)]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(where, name),
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}

export interface Stream {
  readonly url: string;
  readonly method?: string;
  readonly body?: string;
}

export const STREAMS = {
  api: { url: 'http://api/' },
  posts: { url: 'http://api/', method: 'POST', body: 'charge it' },
  hasty: { url: 'http://hasty/' },
  wide: { url: 'http://wide/' },
  frail: { url: 'http://frail/' },
  steady: { url: 'http://steady/' },
  steadyPosts: { url: 'http://steady/', method: 'POST', body: 'charge it' },
  frailPosts: { url: 'http://frail/', method: 'POST', body: 'charge it' },
} as const satisfies Readonly<Record<string, Stream>>;
export type StreamName = keyof typeof STREAMS;

/** A client that calls these without pause. @param workers closed loops for each */
export function client(where: string, name: string, streams: readonly StreamName[], workers: number): object {
  const called = Object.fromEntries(streams.map((each) => [each, STREAMS[each]]));
  const env = { STREAMS: JSON.stringify(called), WORKERS: String(workers), PAUSE_MS: '20' };
  return deployment(where, name, 1, [container(['node', '-e', CLIENT], env)]);
}

/** What is called, and who of ours calls it all the time. */
export function workloads(): object[] {
  return [
    namespace(LIFE, true),
    ...server(LIFE, 'ledger'),
    ...server(LIFE, 'api'),
    ...server(LIFE, 'hasty', { env: { HASTY: 'yes' } }),
    ...server(LIFE, 'wide'),
    ...server(LIFE, 'frail', { replicas: 2 }),
    ...server(LIFE, 'steady', { replicas: 2 }),
    client(LIFE, 'load', Object.keys(STREAMS) as StreamName[], 3),
  ];
}

/** A job that calls this URL `calls` times and fails if one of the answers does; no more than that. */
export function job(name: string, url: string, calls: number): object {
  const script = `for i in $(seq ${calls}); do curl -sS -f -o /dev/null --max-time 5 ${url} || exit 1; done`;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta(LIFE, name),
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { app: name } },
        spec: { restartPolicy: 'Never', containers: [container(['sh', '-c', script], {})] },
      },
    },
  };
}

/** A pod that asks for nothing and serves nobody. */
export function idlePod(where: string, name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(where, name),
    spec: { terminationGracePeriodSeconds: 0, containers: [container(['sleep', 'infinity'], {})] },
  };
}

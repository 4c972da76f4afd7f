import { testAppImage } from './images.ts';

/** A meshed namespace in which everything is Strict, one that is open, and one outside the mesh. */
export const STRICT = 'injection';
export const OPEN = 'injection-open';
export const OUTSIDE = 'injection-outside';
/** of the node that the open pod is reached by */
export const HOST_PORT = 18_180;

/**
 * An app that says who it is, who called and how. LISTEN is a list such as `127.0.0.1:8081 $POD_IP:8082 https://:::8443
 * grpc://:::5000`. `/note/x` counts, `/seen/x` tells the count, `/call?URL` calls on and counts nothing; a gRPC health
 * check of the service `down` is answered with NOT_SERVING.
 */
const APP = `
  const { createServer } = require('node:http');
  const { POD_IP, LISTEN, CERT, KEY, HOSTNAME } = process.env;
  const seen = new Map();
  async function answer(request, response) {
    const { method, url, headers, socket } = request;
    const [, what, name] = url.split('?')[0].split('/');
    const key = what === 'call' ? undefined : name ?? what;
    let body = { pod: HOSTNAME, method, url, headers, at: socket.localAddress, from: socket.remoteAddress };
    if (what === 'seen') body = seen.get(key) ?? 0;
    else if (key !== undefined) seen.set(key, (seen.get(key) ?? 0) + 1);
    if (what === 'call') body = await fetch(url.slice('/call?'.length)).then((each) => each.json());
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
  const handle = (request, response) => answer(request, response).catch((error) => {
    response.writeHead(500).end(String(error.cause ?? error));
  });
  function health(stream) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      const down = Buffer.concat(chunks).includes('down');
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, down ? 2 : 1]));
    });
  }
  for (const each of LISTEN.split(' ')) {
    const [, scheme, host, port] = /^(?:(\\w+):\\/\\/)?(.*):(\\d+)$/.exec(each.replace('$POD_IP', POD_IP));
    const server = scheme === 'https' ? require('node:https').createServer({ cert: CERT, key: KEY }, handle)
      : scheme === 'grpc' ? require('node:http2').createServer().on('stream', health)
      : createServer(handle);
    server.listen(Number(port), host);
  }
  process.on('SIGTERM', () => process.exit(0));`;

interface Pod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels: object;
    readonly annotations?: object;
  };
  readonly spec: object;
}

const SHELL_PAUSE = 'trap exit TERM; sleep 3600 & wait';
const meta = (namespace: string, name: string) => ({ namespace, name, labels: { app: name } });
const image = { image: testAppImage, imagePullPolicy: 'IfNotPresent' };
const shell = (name: string, script: string, more: object = {}) => ({
  ...{ name, ...image, command: ['sh', '-c', script] },
  ...more,
});
const podIp = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };

function server(name: string, listen: string, more: object = {}, env: Record<string, string> = {}): object {
  const values = Object.entries({ ...env, LISTEN: listen }).map(([key, value]) => ({ name: key, value }));
  return { name, ...image, command: ['node', '-e', APP], env: [podIp, ...values], ...more };
}

function pod(namespace: string, name: string, containers: readonly object[], more: object = {}): Pod {
  const spec = { terminationGracePeriodSeconds: 5, containers, ...more };
  return { ...{ apiVersion: 'v1', kind: 'Pod' }, metadata: meta(namespace, name), spec };
}

function service(namespace: string, name: string, ports: readonly object[], more: object = {}): object {
  const spec = { selector: { app: name }, ports, ...more };
  return { apiVersion: 'v1', kind: 'Service', metadata: meta(namespace, name), spec };
}

function controlled(apiVersion: string, kind: string, { metadata, spec }: Pod, more: object): object {
  const template = { metadata: { labels: metadata.labels }, spec };
  return { apiVersion, kind, metadata, spec: { template, ...more } };
}
const selects = (name: string) => ({ selector: { matchLabels: { app: name } } });

const HTTP = [{ name: 'http', containerPort: 8080 }];
const PORT_80 = [{ name: 'http', port: 80, targetPort: 8080 }];
const ECHO =
  'curl --silent --fail --max-time 5 --retry 60 --retry-delay 1 --retry-all-errors http://echo/note/';

/** Every kind of probe, the first ones by the names of their ports. */
function probed(certificate: { readonly cert: string; readonly key: string }): Pod {
  const { cert: CERT, key: KEY } = certificate;
  const app = server(
    'app',
    ':::8080 https://:::8443',
    {
      ports: [...HTTP, { name: 'tls', containerPort: 8443 }],
      startupProbe: { httpGet: { path: '/startup', port: 'http' }, periodSeconds: 1, failureThreshold: 120 },
      livenessProbe: {
        httpGet: { path: '/liveness', port: 'tls', scheme: 'HTTPS' },
        ...{ periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 },
      },
      readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
    },
    { CERT, KEY },
  );
  const rpc = server('rpc', 'grpc://:::5000', {
    startupProbe: { grpc: { port: 5000 }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 120 },
    readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
  });
  const down = server('down', 'grpc://:::5001', {
    readinessProbe: { grpc: { port: 5001, service: 'down' }, periodSeconds: 1, timeoutSeconds: 5 },
  });
  const annotations = {
    ...{ 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080', 'prometheus.io/path': '/stats' },
  };
  const probed = pod(STRICT, 'probed', [app, rpc, down]);
  return { ...probed, metadata: { ...probed.metadata, annotations } };
}

/** As closed as an app can be, and seen by the sidecar's neighbours; it listens on one address by port. */
function binds(): Pod {
  const securityContext = {
    ...{ runAsNonRoot: true, runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
    capabilities: { drop: ['ALL'] },
  };
  const app = server('app', '127.0.0.1:8081 $POD_IP:8082 :::8083', { securityContext });
  return pod(STRICT, 'binds', [app], { shareProcessNamespace: true });
}

/** Init containers before and after a native sidecar of its own, all of which call. */
function early(): Pod {
  const native = server('cache', ':::6380', {
    restartPolicy: 'Always',
    startupProbe: { httpGet: { path: '/call?http://echo/note/cache', port: 6380 }, timeoutSeconds: 10 },
  });
  const initContainers = [
    shell('fetch', `${ECHO}fetch`),
    native,
    shell('migrate', `${ECHO}migrate && curl --silent --fail http://127.0.0.1:6380/`),
  ];
  return pod(STRICT, 'early', [shell('app', SHELL_PAUSE)], { initContainers });
}

/** Calls at its end, when it is told by a hook. */
function hooked(): Pod {
  const get = (path: string) => ({ httpGet: { path, port: 'http' } });
  const lifecycle = { preStop: get('/call?http://echo/note/goodbye') };
  return pod(STRICT, 'hooked', [server('app', ':::8080', { ports: HTTP, lifecycle })]);
}

export function workloads(certificate: { readonly cert: string; readonly key: string }): object[] {
  const echo = pod(STRICT, 'echo', [
    server('app', ':::8080', {
      ports: HTTP,
      readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
    }),
  ]);
  const stateful = pod(STRICT, 'stateful', [server('app', ':::8080', { ports: HTTP })]);
  const job = pod(STRICT, 'job', [shell('app', `${ECHO}job`)], { restartPolicy: 'Never' });
  const late = pod(STRICT, 'late', [shell('app', SHELL_PAUSE)], {
    ...{ restartPolicy: 'Never', activeDeadlineSeconds: 10 },
  });
  const hostPort = { ports: [{ containerPort: 8080, hostPort: HOST_PORT }] };
  const open = pod(OPEN, 'open', [server('app', ':::8080', hostPort)]);
  return [
    controlled('apps/v1', 'Deployment', echo, selects('echo')),
    service(STRICT, 'echo', PORT_80),
    service(STRICT, 'both', PORT_80, { selector: { app: 'echo' }, ipFamilyPolicy: 'PreferDualStack' }),
    controlled('apps/v1', 'StatefulSet', stateful, {
      ...{ ...selects('stateful'), serviceName: 'stateful', replicas: 2 },
      podManagementPolicy: 'Parallel',
    }),
    service(STRICT, 'stateful', [{ name: 'http', port: 8080 }], { clusterIP: 'None' }),
    controlled('batch/v1', 'Job', job, { backoffLimit: 0 }),
    ...[late, early(), hooked(), probed(certificate), binds(), open],
    service(
      STRICT,
      'binds',
      [8081, 8082, 8083].map((port) => ({ name: `http-${port}`, port })),
    ),
    pod(OUTSIDE, 'outsider', [shell('app', SHELL_PAUSE)]),
  ];
}

export function namespace(name: string): object {
  const labels = name === OUTSIDE ? {} : { 'weft.dev/inject': 'enabled' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** One port of one workload that those outside may reach, as Prometheus does by a ServiceMonitor. */
export const OPEN_PORT = {
  ...{
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: { namespace: STRICT, name: 'open-port' },
  },
  spec: {
    target: { kind: 'Workload', selector: { matchLabels: { app: 'probed' } }, ports: ['tls'] },
    inbound: { mtls: { mode: 'Permissive' } },
  },
};

export const STRICT_POLICY = {
  ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: { namespace: STRICT, name: 'strict' } },
  spec: { inbound: { mtls: { mode: 'Strict' } } },
};

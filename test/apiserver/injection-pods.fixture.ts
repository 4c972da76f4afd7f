import type { KubernetesObject } from '../chart/helm.ts';

/**
 * One kind of pod, and what has to become of it. `refused` is the message of the API server; `passed` are the words of
 * the warning with which it stays without a sidecar; otherwise it gets one, and `check` sees it.
 */
export interface Case {
  readonly spec?: object;
  readonly metadata?: object;
  readonly refused?: RegExp;
  readonly passed?: RegExp;
  /** all of them, in this order; none: not a word */
  readonly warnings?: readonly RegExp[];
  readonly check?: (pod: KubernetesObject) => readonly [actual: unknown, expected: unknown][];
}

export const APP = { name: 'app', image: 'app:1' };
const app = (more: object) => ({ containers: [{ ...APP, ...more }] });
const names = (containers: KubernetesObject[]) => containers.map(({ name }) => name);
const OWN = ['weft-init', 'weft-sidecar'];

/** What the sidecar was told to ask, without the token: `app/liveness`. */
export function probesOf(pod: KubernetesObject): Record<string, unknown> {
  const [, { env }] = pod.spec.initContainers;
  const { value } = env.find(({ name }: KubernetesObject) => name === 'WEFT_PROBES');
  const entries = Object.entries(JSON.parse(value.replaceAll('$$', '$')));
  return Object.fromEntries(entries.map(([key, probe]) => [key.slice(key.indexOf('/') + 1), probe]));
}
const asksSidecar = ({ httpGet }: KubernetesObject): boolean =>
  httpGet?.port === 15020 && httpGet.path.startsWith('/weft/probe/');

const PORTS = [
  { name: 'web', containerPort: 8080 },
  { name: 'tls', containerPort: 8443 },
];
const LEAKS = /one that runs as root can end it/;

export const CASES: Readonly<Record<string, Case>> = {
  'as plain as can be': {
    check: ({ metadata, spec }) => [
      [names(spec.initContainers), OWN],
      [metadata.labels['weft.dev/injected'], 'true'],
      [metadata.annotations['kubectl.kubernetes.io/default-container'], 'app'],
    ],
  },
  'of several containers': {
    spec: {
      containers: [
        { ...APP, readinessProbe: { httpGet: { port: 8080 } } },
        { name: 'cache', image: 'a', readinessProbe: { tcpSocket: { port: 6379 } } },
      ],
    },
    check: (pod) => [
      [names(pod.spec.containers), ['app', 'cache']],
      [Object.keys(probesOf(pod)).sort(), ['app/readiness', 'cache/readiness']],
    ],
  },
  'with init containers, which have the network of the mesh': {
    spec: {
      initContainers: [
        { name: 'fetch', image: 'a' },
        { name: 'migrate', image: 'a' },
      ],
    },
    check: ({ spec }) => [[names(spec.initContainers), [...OWN, 'fetch', 'migrate']]],
  },
  'with native sidecars of its own, which keep their order': {
    spec: {
      initContainers: [
        { name: 'first', image: 'a', restartPolicy: 'Always', startupProbe: { httpGet: { port: 1 } } },
        { name: 'between', image: 'a' },
        { name: 'last', image: 'a', restartPolicy: 'Always' },
      ],
    },
    check: (pod) => [
      [names(pod.spec.initContainers), [...OWN, 'first', 'between', 'last']],
      [Object.keys(probesOf(pod)), ['first/startup']],
    ],
  },
  'with probes of every kind, by name and by number': {
    spec: {
      containers: [
        {
          ...APP,
          ports: PORTS,
          startupProbe: { httpGet: { path: '/start', port: 'web' }, failureThreshold: 30 },
          livenessProbe: { httpGet: { path: '/live', port: 'tls', scheme: 'HTTPS' } },
          readinessProbe: { tcpSocket: { port: 'web' } },
        },
        {
          ...{ name: 'rpc', image: 'a' },
          livenessProbe: { grpc: { port: 5000, service: 'shop.Cart' } },
          readinessProbe: { exec: { command: ['true'] } },
        },
      ],
    },
    warnings: [],
    check: (pod) => {
      const [http, rpc] = pod.spec.containers;
      const probes = [http.startupProbe, http.livenessProbe, http.readinessProbe, rpc.livenessProbe];
      return [
        [probes.map(asksSidecar), [true, true, true, true]],
        [http.startupProbe.failureThreshold, 30],
        [rpc.readinessProbe.exec.command, ['true']],
        [
          probesOf(pod),
          {
            'app/startup': { httpGet: { path: '/start', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1 },
            'app/liveness': { httpGet: { path: '/live', port: 8443, scheme: 'HTTPS' }, timeoutSeconds: 1 },
            'app/readiness': { tcpSocket: { port: 8080 }, timeoutSeconds: 1 },
            'rpc/liveness': { grpc: { port: 5000, service: 'shop.Cart' }, timeoutSeconds: 1 },
          },
        ],
      ];
    },
  },
  'with hooks, of which those over HTTP go through the sidecar': {
    spec: {
      terminationGracePeriodSeconds: 45,
      containers: [
        {
          ...{ ...APP, ports: PORTS },
          lifecycle: {
            postStart: { exec: { command: ['true'] } },
            preStop: { httpGet: { path: '/bye', port: 'web' } },
          },
        },
        { name: 'slow', image: 'a', lifecycle: { preStop: { sleep: { seconds: 5 } } } },
      ],
    },
    check: (pod) => [
      [asksSidecar(pod.spec.containers[0].lifecycle.preStop), true],
      [pod.spec.containers[0].lifecycle.postStart.exec.command, ['true']],
      [pod.spec.containers[1].lifecycle.preStop.sleep, { seconds: 5 }],
      [
        probesOf(pod),
        { 'app/preStop': { httpGet: { path: '/bye', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 45 } },
      ],
    ],
  },
  'that Prometheus scrapes': {
    metadata: {
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
        'prometheus.io/path': '/stats',
      },
    },
    warnings: [],
    check: (pod) => [
      [pod.metadata.annotations['prometheus.io/port'], '15020'],
      [
        /^\/weft\/probe\/[0-9a-f]{32}\/prometheus\/scrape$/.test(
          pod.metadata.annotations['prometheus.io/path'],
        ),
        true,
      ],
      [
        probesOf(pod),
        {
          'prometheus/scrape': {
            httpGet: { path: '/stats', port: 9090, scheme: 'HTTP' },
            timeoutSeconds: 10,
          },
        },
      ],
    ],
  },
  'that Prometheus scrapes where nobody says': {
    metadata: { annotations: { 'prometheus.io/scrape': 'true' } },
    warnings: [/prometheus.io\/scrape without prometheus.io\/port/],
  },
  'whose probe asks another host': {
    spec: app({ livenessProbe: { httpGet: { port: 80, host: 'example.org' } } }),
    warnings: [/liveness probe of container app has a host of its own: Weft leaves it.*under Strict mTLS/],
    check: ({ spec }) => [[spec.containers[0].livenessProbe.httpGet.host, 'example.org']],
  },
  'whose probe asks a port of ours': {
    spec: app({ livenessProbe: { httpGet: { port: 15020, path: '/healthz' } } }),
    refused: /the liveness probe of container app asks port 15020, which is Weft's; write the app's own port/,
  },

  'on the network of its node': {
    spec: { hostNetwork: true },
    passed: /^no Weft sidecar: a pod with hostNetwork has no network of its own/,
  },
  'of Windows': { spec: { os: { name: 'windows' } }, passed: /Windows pods are not supported/ },
  'with a port of its node': {
    spec: app({ ports: [{ containerPort: 8080, hostPort: 18080 }] }),
    warnings: [],
    check: ({ spec }) => [
      [spec.containers[0].ports[0].hostPort, 18080],
      [spec.initContainers[1].ports[0].hostPort, undefined],
    ],
  },
  'that shares its process namespace': {
    spec: { shareProcessNamespace: true },
    warnings: [LEAKS],
    check: ({ spec }) => [[spec.shareProcessNamespace, true]],
  },
  'that sees all processes of its node': { spec: { hostPID: true }, warnings: [LEAKS] },
  'that resolves names as its node does': {
    spec: { dnsPolicy: 'Default' },
    warnings: [/write ClusterFirst/],
  },
  'with hosts and name servers of its own': {
    spec: {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['10.0.0.10'], searches: ['cluster.local'] },
      hostAliases: [{ ip: '10.1.2.3', hostnames: ['a.example'] }],
    },
    warnings: [/a name server and a search domain of the cluster/],
  },

  'that runs as the sidecar’s user': {
    spec: { securityContext: { runAsUser: 15015 } },
    refused: /container app runs as user 15015, whose traffic bypasses the mesh; choose another runAsUser/,
  },
  'of which a container runs as the sidecar’s user': {
    spec: app({ securityContext: { runAsUser: 15015 } }),
    refused: /container app runs as user 15015/,
  },
  'of which an init container runs as the sidecar’s user': {
    spec: { initContainers: [{ name: 'way-out', image: 'a', securityContext: { runAsUser: 15015 } }] },
    refused: /container way-out runs as user 15015/,
  },
  'that must not run as root': {
    spec: {
      securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 2000, supplementalGroups: [3000] },
    },
    warnings: [],
    check: ({ spec }) => [
      [
        spec.securityContext,
        { runAsNonRoot: true, runAsUser: 1000, fsGroup: 2000, supplementalGroups: [3000] },
      ],
      // or the kubelet would not start it
      [spec.initContainers[0].securityContext.runAsNonRoot, false],
      [spec.initContainers[1].securityContext.runAsUser, 15015],
    ],
  },
  'as closed as Pod Security restricted wants it': {
    spec: app({
      securityContext: {
        ...{ runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
        ...{ capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
      },
    }),
    check: ({ spec }) => [
      [spec.containers[0].securityContext.readOnlyRootFilesystem, true],
      [spec.initContainers[1].securityContext.readOnlyRootFilesystem, true],
    ],
  },
  'in a user namespace of its own': {
    spec: { hostUsers: false },
    check: ({ spec }) => [[spec.hostUsers, false]],
  },
  'that declares a port of ours': {
    spec: app({ ports: [{ containerPort: 15006 }] }),
    refused: /container app declares port 15006, which the sidecar listens on; choose another port/,
  },
  'that declares the number of a port of ours for UDP': {
    spec: app({ ports: [{ containerPort: 15006, protocol: 'UDP' }] }),
  },
  'that mounts a volume of ours': {
    spec: app({ volumeMounts: [{ name: 'weft-proxy', mountPath: '/steal' }] }),
    refused: /container app mounts volume weft-proxy, which is for the sidecar only; remove the mount/,
  },
  'with a container of our name': {
    spec: { containers: [APP, { name: 'weft-sidecar', image: 'a' }] },
    refused: /container weft-sidecar has a name that is for Weft's own; choose another name/,
  },

  'with pull secrets': {
    spec: { imagePullSecrets: [{ name: 'registry' }] },
    check: ({ spec }) => [[spec.imagePullSecrets, [{ name: 'registry' }]]],
  },
  'without a token of its service account': {
    spec: { automountServiceAccountToken: false },
    check: ({ spec }) => [
      [spec.containers[0].volumeMounts, undefined],
      [names(spec.volumes), ['weft-proxy', 'weft-token', 'weft-state']],
      [spec.volumes[1].projected.sources[0].serviceAccountToken.audience, 'weft'],
    ],
  },
  'that ends by itself': {
    spec: { restartPolicy: 'Never', activeDeadlineSeconds: 60 },
    check: ({ spec }) => [[spec.initContainers[1].restartPolicy, 'Always']],
  },
  'with a budget for all of it together': {
    spec: { resources: { requests: { cpu: '50m' }, limits: { cpu: '100m', memory: '128Mi' } } },
    check: ({ spec }) => [[spec.initContainers[1].resources, {}]],
  },
  'with resources of its sidecar': {
    metadata: { annotations: { 'weft.dev/cpu-limit': '1', 'weft.dev/memory-limit': '128Mi' } },
    check: ({ spec }) => [[spec.initContainers[1].resources.limits, { cpu: '1', memory: '128Mi' }]],
  },
  'with resources nobody can read': {
    metadata: { annotations: { 'weft.dev/memory-limit': '128m' } },
    refused: /annotation weft.dev\/memory-limit: "128m" is less than one mebibyte; write as in 128Mi/,
  },
  'with an annotation that the installation does not allow': {
    metadata: { annotations: { 'weft.dev/skip-inbound-ports': '9090' } },
    warnings: [/weft.dev\/skip-inbound-ports is not allowed by this installation/],
  },
  'with a word nobody knows': {
    metadata: { annotations: { 'weft.dev/loglevel': 'debug' } },
    warnings: [/did you mean weft.dev\/log-level\?/],
  },
  'with a label that is neither yes nor no': {
    metadata: { labels: { 'weft.dev/inject': 'true' } },
    warnings: [/weft.dev\/inject=true is not understood: write enabled or disabled/],
  },
};

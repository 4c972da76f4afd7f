import { testAppImage } from './images.ts';

/** Where the tests of policies have their workloads: three namespaces of the mesh, and one that is not in it. */
export const SHOP = 'policies';
export const OTHER = 'policies-other';
export const INGRESS = 'policies-ingress';
export const OUTSIDE = 'policies-outside';
/** of a server on the node's own network, which is no pod of the mesh's */
export const OUTSIDE_PORT = 18_089;

/** What most policies of the tests are about, and its two subsets. */
export const API = { kind: 'Service', name: 'api' } as const;
export const V1 = { service: 'api', selector: { matchLabels: { version: 'v1' } } };
export const V2 = { service: 'api', selector: { matchLabels: { version: 'v2' } } };

/**
 * An app that says who it is and what it was asked. `/fail/2/key` is answered 503 the first two times, `/slow/500`
 * after so many ms, `/seen/x` with how many requests to `/x` there were.
 */
const APP = `
  const { APP, VERSION, PORT } = process.env;
  const seen = new Map();
  const add = (key) => seen.set(key, (seen.get(key) ?? 0) + 1).get(key);
  const server = require('node:http').createServer((request, response) => {
    const { method, url, headers } = request;
    const [path] = url.split('?');
    const [, what, count, key] = path.split('/');
    const say = (status, said) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said));
    };
    if (what === 'seen') return say(200, seen.get(path.slice('/seen'.length)) ?? 0);
    add(path);
    if (what === 'fail' && add('failed/' + key) <= Number(count)) return say(503, 'not yet');
    const answer = () => say(200, { app: APP, version: VERSION, method, url, headers });
    if (what === 'slow') setTimeout(answer, Number(count));
    else answer();
  });
  server.listen(Number(PORT));
  process.on('SIGTERM', () => process.exit(0));`;

const meta = (namespace: string, name: string, labels = {}) => ({ namespace, name, labels });

export function namespace(name: string, isInMesh: boolean): object {
  const labels = isInMesh ? { 'weft.dev/inject': 'enabled' } : {};
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

interface AppOptions {
  /** of its service account and its label `app` */
  readonly name: string;
  readonly version?: string;
  readonly onNode?: boolean;
}

function app(where: string, { name, version = '', onNode = false }: AppOptions): object {
  const labels = { app: name, ...(version === '' ? {} : { version }) };
  const port = onNode ? OUTSIDE_PORT : 8080;
  const env = Object.entries({ APP: name, VERSION: version, PORT: String(port) });
  const container = {
    name: 'app',
    image: testAppImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', APP],
    env: env.map(([key, value]) => ({ name: key, value })),
    ports: [{ name: 'http', containerPort: port }],
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(where, version === '' ? name : `${name}-${version}`),
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...{ serviceAccountName: name, terminationGracePeriodSeconds: 1, hostNetwork: onNode },
          containers: [container],
        },
      },
    },
  };
}

const account = (where: string, name: string) => ({
  ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(where, name) },
});

const service = (where: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(where, name),
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});

/** `api` in two versions, its callers `web` and `catalog`, of which the latter serves too, and what is elsewhere. */
export function workloads(): object[] {
  return [
    ...['web', 'catalog', 'api'].map((name) => account(SHOP, name)),
    ...['catalog', 'api'].map((name) => service(SHOP, name)),
    ...[{ name: 'web' }, { name: 'catalog' }].map((each) => app(SHOP, each)),
    ...['v1', 'v2'].map((version) => app(SHOP, { name: 'api', version })),
    ...[account(OTHER, 'ledger'), service(OTHER, 'ledger'), app(OTHER, { name: 'ledger' })],
    ...[account(OUTSIDE, 'outside'), app(OUTSIDE, { name: 'outside', onNode: true })],
  ];
}

/** The namespace of the ledger agrees that policies of the shop lead to it. */
export const GRANT = {
  apiVersion: 'gateway.networking.k8s.io/v1beta1',
  kind: 'ReferenceGrant',
  metadata: meta(OTHER, 'shop'),
  spec: {
    from: [{ group: 'weft.dev', kind: 'MeshPolicy', namespace: SHOP }],
    to: [{ group: '', kind: 'Service', name: 'ledger' }],
  },
};

/** As much of Gateway API as a grant needs, for clusters that have none of it. */
export const GRANT_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'referencegrants.gateway.networking.k8s.io',
    // the API server wants to know who agreed to names of its community's
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/2997' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    names: { kind: 'ReferenceGrant', plural: 'referencegrants', singular: 'referencegrant' },
    scope: 'Namespaced',
    versions: [
      {
        ...{ name: 'v1beta1', served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { testAppImage } from '../../cluster/images.ts';
import { namespace } from '../../cluster/policies.fixture.ts';
import {
  CALLS,
  type Client,
  DEPLOYMENTS,
  type Deployment,
  MAY_CALL,
  REPLICAS,
  SERVICES,
  type Service,
  SHOP,
  STREAMS,
  STREET,
  serviceOf,
} from './shop.ts';

const meta = (where: string, name: string, labels = {}) => ({ namespace: where, name, labels });

const policy = (name: string, spec: object) => ({
  ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: meta(SHOP, name), spec },
});

const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(SHOP, name) });

const service = (name: Service) => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: meta(SHOP, name) },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});

const program = (where: string) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(where, 'program') },
  data: { 'app.mts': readFileSync(join(import.meta.dirname, 'app.mts'), 'utf8') },
});

interface Workload {
  readonly where: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly account?: string;
  readonly replicas: number;
  readonly env: Readonly<Record<string, string>>;
}

/** `records` is a folder of the node. */
function workload({ where, name, labels, account, replicas, env }: Workload, records: string): object {
  const container = {
    ...{ name: 'app', image: testAppImage, imagePullPolicy: 'IfNotPresent' },
    command: ['node', '/shop/app.mts'],
    env: Object.entries({ ...env, RECORDS: '/records' }).map(([key, value]) => ({ name: key, value })),
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/live', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
    volumeMounts: [
      { name: 'program', mountPath: '/shop' },
      { name: 'records', mountPath: '/records' },
    ],
  };
  const volumes = [
    { name: 'program', configMap: { name: 'program' } },
    { name: 'records', hostPath: { path: records } },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(where, name, labels),
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: {
          ...(account === undefined ? {} : { serviceAccountName: account }),
          ...{ terminationGracePeriodSeconds: 20, containers: [container], volumes },
        },
      },
    },
  };
}

function server(deployment: Deployment): Workload {
  const name = serviceOf(deployment);
  const [, version] = deployment.split('-');
  return {
    ...{ where: SHOP, name: deployment, account: name, replicas: REPLICAS },
    labels: { app: name, ...(version === undefined ? {} : { version }) },
    env: { SERVICE: name, CALLS: JSON.stringify(CALLS[name]) },
  };
}

function client(name: Client): Workload {
  const isMeshed = name !== 'plain';
  return {
    ...{ where: isMeshed ? SHOP : STREET, name, labels: { app: name }, replicas: 1 },
    ...(isMeshed ? { account: name } : {}),
    env: { SERVICE: name, STREAMS: JSON.stringify(STREAMS[name]) },
  };
}

/** Shares of requests to the catalog that its two versions get; together 100. */
export const canary = (weights: readonly [number, number]): object =>
  policy('canary', {
    target: { kind: 'Service', name: 'catalog' },
    traffic: {
      routes: [
        {
          name: 'canary',
          backends: weights.map((weight, index) => ({
            ...{ service: 'catalog', weight, selector: { matchLabels: { version: `v${index + 1}` } } },
          })),
        },
      ],
    },
  });

/** Policies that come and go and change no verdict: denied is who was, and what is only audited goes on. */
export const flapping = (): object[] => [
  policy('flapping-deny', {
    target: { kind: 'Service', name: 'payments' },
    inbound: {
      authorization: {
        rules: [{ name: 'again', action: 'Deny', from: [{ serviceAccount: 'intruder' }] }],
      },
    },
  }),
  policy('flapping-audit', {
    inbound: {
      authorization: {
        mode: 'Audit',
        rules: [{ name: 'all', action: 'Deny', from: [{ serviceAccount: '*' }] }],
      },
    },
  }),
];

/** Strict mutual TLS for all, and for each service those who may call it. */
export const policies = (): object[] => [
  policy('strict', { inbound: { mtls: { mode: 'Strict' } } }),
  ...SERVICES.map((name) =>
    policy(`callers-of-${name}`, {
      target: { kind: 'Service', name },
      inbound: {
        authorization: {
          rules: [
            {
              name: 'callers',
              action: 'Allow',
              from: MAY_CALL[name].map((serviceAccount) => ({ serviceAccount })),
            },
          ],
        },
      },
    }),
  ),
  canary([50, 50]),
];

export const namespaces = (): object[] => [namespace(SHOP, true), namespace(STREET, false)];

export const servers = (records: string): object[] => [
  program(SHOP),
  ...[...SERVICES, 'shopper', 'intruder'].map(account),
  ...SERVICES.map(service),
  ...DEPLOYMENTS.map((each) => workload(server(each), records)),
];

export const clients = (records: string): object[] => [
  program(STREET),
  ...(Object.keys(STREAMS) as Client[]).map((each) => workload(client(each), records)),
];

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { ApiClient } from '../../operator/kubernetes/api-client.ts';
import type { KubernetesObject } from '../../operator/kubernetes/objects.ts';
import { ISSUER_PERMISSIONS, PERMISSIONS, type Permission } from '../../operator/kubernetes/permissions.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import type { Log } from '../../operator/log.ts';
import type { Change, Workload } from '../../operator/mesh/model.ts';
import type { ProxyFiles } from '../../operator/platform.ts';
import {
  createKubernetesPlatform,
  type KubernetesPlatform,
  type KubernetesPlatformOptions,
} from '../../operator/platforms/kubernetes.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/weft.dev_meshpolicies.yaml');
export const NAMESPACE = 'weft-system';
export const LEASE = { durationMs: 3_000, renewDeadlineMs: 2_000, retryMs: 300 };
export const FILES: ProxyFiles = { config: '{}', certificate: 'C', privateKey: 'K', trustBundle: 'T' };

const log: Log = { debug() {}, info() {}, warn() {}, error: (data, message) => console.error(message, data) };

type Apply = (changes: readonly Change[]) => void;

/** A real API server with Weft's CRD, and operators on it with exactly the rights of their table. */
export class OperatorCluster {
  readonly server: ApiServer;
  readonly admin: ApiClient;
  operatorConfig = new KubeConfig();
  #platforms: KubernetesPlatform[] = [];
  readonly #permissions: readonly Permission[];

  private constructor(server: ApiServer, more: readonly Permission[]) {
    this.server = server;
    this.#permissions = [...PERMISSIONS, ...more];
    this.admin = new ApiClient(configFrom(server));
  }

  /** @param options `hasIssuer`: with the rights that cert-manager as issuer needs */
  static async start(options: { hasIssuer?: boolean } = {}): Promise<OperatorCluster> {
    const more = options.hasIssuer ? ISSUER_PERMISSIONS : [];
    const cluster = new OperatorCluster(await startApiServer(), more);
    try {
      await cluster.#prepare();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }
  async stop(): Promise<void> {
    await this.stopPlatforms();
    this.admin.close();
    await this.server.stop();
  }
  async stopPlatforms(): Promise<void> {
    await Promise.all(this.#platforms.splice(0).map((platform) => platform.stop()));
  }

  create<T extends KubernetesObject>(path: string, body: object): Promise<T> {
    return this.admin.request<T>('POST', path, { body });
  }
  get<T = Record<string, never>>(path: string): Promise<T> {
    return this.admin.request<T>('GET', path);
  }
  exists(path: string): Promise<boolean> {
    return this.get(path).then(
      () => true,
      () => false,
    );
  }

  createPod(name: string, spec: object = {}, namespace = 'shop'): Promise<KubernetesObject> {
    return this.create(`/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name },
      spec: { containers: [{ name: 'app', image: 'none' }], serviceAccountName: 'web', ...spec },
    });
  }
  deletePod(name: string): Promise<unknown> {
    const query = { gracePeriodSeconds: '0' };
    return this.admin.request('DELETE', `/api/v1/namespaces/shop/pods/${name}`, { query });
  }
  async meshedPod(name: string, proxyId: string, namespace = 'shop'): Promise<Workload> {
    const volumes = [{ name: 'weft-proxy', secret: { secretName: `weft-proxy-${proxyId}`, optional: true } }];
    const pod = await this.createPod(name, { volumes }, namespace);
    return { key: `${namespace}/${name}`, namespace, name, uid: pod.metadata?.uid, proxyId } as Workload;
  }
  /** What a kubelet would say: no pod runs here. */
  async setPodReady(key: string, podIP: string, isReady = true): Promise<void> {
    const [namespace, name] = key.split('/');
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
    const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions };
    await this.admin.request('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, {
      contentType: 'application/strategic-merge-patch+json',
      body: { status },
    });
  }
  createPolicy(name: string): Promise<KubernetesObject> {
    return this.create('/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies', {
      apiVersion: 'weft.dev/v1alpha1',
      kind: 'MeshPolicy',
      metadata: { name },
      spec: { inbound: { mtls: { mode: 'Strict' } } },
    });
  }
  async requestToken(account: string, spec: object): Promise<string> {
    const [namespace, name] = account.split('/');
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    return (await this.admin.request<{ status: { token: string } }>('POST', path, { body })).status.token;
  }

  makePlatform(identity: string, options: Partial<KubernetesPlatformOptions> = {}): KubernetesPlatform {
    const platform = createKubernetesPlatform({
      kubeConfig: this.operatorConfig,
      controlPlaneNamespace: NAMESPACE,
      identity,
      log,
      leaseTimings: LEASE,
      ...options,
    });
    this.#platforms.push(platform);
    return platform;
  }
  async startPlatform(identity: string, apply: Apply = () => {}): Promise<KubernetesPlatform> {
    const platform = this.makePlatform(identity);
    await platform.start(apply);
    return platform;
  }
  async startLeader(apply?: Apply): Promise<KubernetesPlatform> {
    const platform = await this.startPlatform('leader', apply);
    await until('leadership', () => platform.leadership.isLeader);
    return platform;
  }

  async #prepare(): Promise<void> {
    const crd = parse(readFileSync(CRD_FILE, 'utf8')) as object;
    await this.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
    for (const name of [NAMESPACE, 'shop']) await this.create('/api/v1/namespaces', { metadata: { name } });
    for (const [namespace, name] of [
      [NAMESPACE, 'weft-operator'],
      ['shop', 'web'],
    ]) {
      await this.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    }
    await this.#grant('cluster', '', 'ClusterRole');
    await this.#grant('controlPlane', `/namespaces/${NAMESPACE}`, 'Role');
    const token = await this.requestToken(`${NAMESPACE}/weft-operator`, { expirationSeconds: 3600 });
    this.operatorConfig = configFrom(this.server, token);
    await until('the CRD is served', () => this.exists('/apis/weft.dev/v1alpha1/meshpolicies'));
  }

  async #grant(scope: Permission['scope'], prefix: string, kind: string): Promise<void> {
    const rules = this.#permissions
      .filter((permission) => permission.scope === scope)
      .map((permission) => ({
        apiGroups: [permission.apiGroup],
        resources: [permission.resource],
        verbs: permission.verbs,
        resourceNames: permission.resourceNames,
      }));
    const base = `/apis/rbac.authorization.k8s.io/v1${prefix}/${kind.toLowerCase()}`;
    const metadata = { name: 'weft-operator' };
    await this.create(`${base}s`, { metadata, rules });
    await this.create(`${base}bindings`, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'weft-operator' },
      subjects: [{ kind: 'ServiceAccount', name: 'weft-operator', namespace: NAMESPACE }],
    });
  }
}

/** The model as the changes say, by kind and key. */
export function picture() {
  const world = new Map<string, Change['value']>();
  const apply: Apply = (changes) => {
    for (const { kind, key, value } of changes) {
      if (value === undefined) world.delete(`${kind} ${key}`);
      else world.set(`${kind} ${key}`, value);
    }
  };
  return { world, apply };
}

export function eventOn({ namespace, name, uid }: Workload) {
  const about = { kind: 'Pod', namespace, name, uid } as const;
  return { about, type: 'Warning', reason: 'DuplicateProxy', message: 'the proxy id is taken' } as const;
}

function configFrom(server: ApiServer, token?: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(server.kubeconfig);
  if (token === undefined) return config;
  const operator = new KubeConfig();
  operator.loadFromClusterAndUser(config.getCurrentCluster()!, { name: 'operator', token });
  return operator;
}

import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { stringify } from 'yaml';
import type { Answer, Finding, MeshSource, Question } from '../../api/analysis.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { analyze } from '../../operator/analyze/analyze.ts';
import { NAMESPACE, OperatorCluster } from './operator-cluster.fixture.ts';

const ROLES = '/apis/rbac.authorization.k8s.io/v1';

/** Lists of these are what the analysis needs. */
export const NEEDED: readonly (readonly [group: string, plural: string])[] = [
  ['', 'pods'],
  ['', 'services'],
  ['discovery.k8s.io', 'endpointslices'],
  ['weft.dev', 'meshpolicies'],
  ['apps', 'controllerrevisions'],
  ['gateway.networking.k8s.io', 'referencegrants'],
];

/** `weft operator analyze` on a real API server. */
export class AnalyzedCluster {
  readonly cluster: OperatorCluster;
  readonly #folder = mkdtempSync(join(tmpdir(), 'weft-analyze-'));

  private constructor(cluster: OperatorCluster) {
    this.cluster = cluster;
  }
  static async start(): Promise<AnalyzedCluster> {
    return new AnalyzedCluster(await OperatorCluster.start());
  }
  async stop(): Promise<void> {
    await this.cluster.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get kubeconfig(): string {
    return this.cluster.server.kubeconfigPath;
  }

  async ask(about: Question['about'], rest: Partial<Omit<Question, 'about'>> = {}): Promise<Answer> {
    return answerOf({ mesh: kubernetes(this.kubeconfig), namespace: 'shop', ...rest, about });
  }
  async findings(rest: Partial<Omit<Question, 'about'>> = {}): Promise<readonly Finding[]> {
    const answer = await this.ask({ type: 'Check' }, rest);
    if (answer.type !== 'Findings') throw new Error(JSON.stringify(answer));
    return answer.findings;
  }

  /** A kubeconfig of somebody who may do nothing but list these. */
  async userWhoLists(name: string, resources: typeof NEEDED): Promise<string> {
    const metadata = { name };
    await this.cluster.create(`/api/v1/namespaces/shop/serviceaccounts`, { metadata });
    const rules = resources.map(([group, plural]) => ({
      ...{ apiGroups: [group], resources: [plural], verbs: ['list'] },
    }));
    await this.cluster.create(`${ROLES}/clusterroles`, { metadata, rules });
    await this.cluster.create(`${ROLES}/clusterrolebindings`, {
      ...{ metadata, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name } },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'shop' }],
    });
    const token = await this.cluster.requestToken(`shop/${name}`, { expirationSeconds: 3600 });
    return this.#write(name, this.cluster.server.server, { token });
  }
  /** A kubeconfig of a server that may not be there. */
  elsewhere(name: string, server: string, user: object = {}): string {
    return this.#write(name, server, user);
  }

  #write(name: string, server: string, user: object): string {
    const file = join(this.#folder, name);
    const cluster = { server, 'insecure-skip-tls-verify': true };
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': name },
      clusters: [{ name, cluster }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name, namespace: 'shop' } }],
    };
    writeFileSync(file, stringify(config), { mode: 0o600 });
    return file;
  }

  /** How many lists of pods the server has answered. */
  async podLists(): Promise<number> {
    const metrics = await text(await this.cluster.admin.open('/metrics', {}));
    const lines = metrics.split('\n').filter((line) => line.startsWith('apiserver_request_total{'));
    const lists = lines.filter((line) => line.includes('resource="pods"') && line.includes('verb="LIST"'));
    return lists.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}

export function kubernetes(kubeconfig: string): MeshSource {
  return { type: 'Kubernetes', kubeconfig, controlPlaneNamespace: NAMESPACE, trustDomain: 'cluster.local' };
}

export async function answerOf(question: Question): Promise<Answer> {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  await analyze(Readable.from([JSON.stringify(question)]), output);
  return JSON.parse(Buffer.concat(chunks).toString()) as Answer;
}

export function policyText(name: string, spec: MeshPolicySpec): string {
  return stringify({
    ...{ apiVersion: 'weft.dev/v1alpha1', kind: 'MeshPolicy', metadata: { name, namespace: 'shop' }, spec },
  });
}

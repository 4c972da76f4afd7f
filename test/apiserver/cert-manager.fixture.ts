import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseAllDocuments } from 'yaml';
import { createRoot } from '../../operator/identity/authority.ts';
import type { ApiClient } from '../../operator/kubernetes/api-client.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import type { RootMaterial } from '../../operator/platform.ts';
import { filesOfModule, findBinary } from '../cluster/binaries.ts';

const KINDS = ['certificaterequests', 'clusterissuers', 'issuers'];
/** Where cert-manager looks for the Secrets of ClusterIssuers. */
const NAMESPACE = 'cert-manager';
const GROUP = '/apis/cert-manager.io/v1';

/** The controllers of cert-manager that sign with a CA, against an API server that a test has. */
export class CertManagerProcess {
  readonly #kubeconfigPath: string;
  readonly #admin: ApiClient;
  #process: ChildProcess | undefined;

  private constructor(kubeconfigPath: string, admin: ApiClient) {
    this.#kubeconfigPath = kubeconfigPath;
    this.#admin = admin;
  }

  /** Installs its kinds and runs it. */
  static async start(kubeconfigPath: string, admin: ApiClient): Promise<CertManagerProcess> {
    const process = new CertManagerProcess(kubeconfigPath, admin);
    await process.#install();
    await process.run();
    return process;
  }

  async run(): Promise<void> {
    const binary = await findBinary('cert-manager');
    const child = spawn(binary, [this.#kubeconfigPath], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#process = child;
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('cert-manager has ended')));
    ended.catch(() => {});
    await Promise.race([once(child.stdout!, 'data'), ended]);
  }

  /** As a node does that goes: at once. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** A ClusterIssuer that signs with a CA of its own. */
  async createIssuer(name: string): Promise<RootMaterial> {
    const root = await this.rotateRoot(name);
    const body = { apiVersion: 'cert-manager.io/v1', kind: 'ClusterIssuer', metadata: { name } };
    await this.#admin.request('POST', `${GROUP}/clusterissuers`, {
      body: { ...body, spec: { ca: { secretName: name } } },
    });
    await until(`the issuer ${name} is ready`, () => this.#isReady(name), 30_000);
    return root;
  }

  /** From now on the issuer signs with this CA; a new one unless it is given. */
  async rotateRoot(name: string, root?: RootMaterial): Promise<RootMaterial> {
    const made = root ?? (await createRoot(`the issuer ${name}`, Date.now()));
    const encode = (text: string) => Buffer.from(text).toString('base64');
    const data = { 'tls.crt': encode(made.certificate), 'tls.key': encode(made.privateKey) };
    const body = {
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', data },
      metadata: { name, namespace: NAMESPACE },
    };
    const path = `/api/v1/namespaces/${NAMESPACE}/secrets`;
    await this.#admin
      .request('PUT', `${path}/${name}`, { body })
      .catch(() => this.#admin.request('POST', path, { body }));
    return made;
  }

  async #isReady(name: string): Promise<boolean> {
    const path = `${GROUP}/clusterissuers/${name}`;
    const { status } = await this.#admin.request<{
      status?: { conditions?: { type: string; status: string }[] };
    }>('GET', path);
    return status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
  }

  async #install(): Promise<void> {
    const files = KINDS.map((kind) => `deploy/crds/cert-manager.io_${kind}.yaml`);
    for (const text of await filesOfModule('cert-manager', files)) {
      for (const document of parseAllDocuments(text)) {
        const body: unknown = document.toJS();
        if (body === null) continue;
        await this.#admin.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
          body,
        });
      }
    }
    await this.#admin.request('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
    for (const kind of KINDS) await until(`${kind} are served`, () => this.#isServed(kind), 30_000);
  }

  #isServed(kind: string): Promise<boolean> {
    return this.#admin.request('GET', `${GROUP}/${kind}`).then(
      () => true,
      () => false,
    );
  }
}

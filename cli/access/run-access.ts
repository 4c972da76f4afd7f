import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { ROTATION_FILE } from '../../api/ca-report.ts';
import type { MeshPolicy, MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { readyProblem } from '../run/admin-client.ts';
import { readWorkloads } from '../run/folder.ts';
import { addressOf, adminSocketIn } from '../run/workload-place.ts';
import { UsageError } from '../usage-error.ts';
import {
  type Access,
  keyOf,
  type PolicyView,
  type Question,
  type Selection,
  type ServiceView,
  type Sidecar,
} from './access.ts';
import { parseAnswer } from './parse-answer.ts';
import type { RunningMesh } from './running-mesh.ts';
import { askSocket } from './socket-request.ts';

const TIMEOUT_MS = 10_000;

/** The mesh of a `weft run` on this machine: sidecars by their sockets, policies by what the operator writes. */
export class RunAccess implements Access {
  readonly where: string;
  readonly folder: string;
  readonly namespace: string;
  readonly #state: string;
  readonly #workloads: readonly WorkloadDocument[];

  private constructor({ folder, state }: RunningMesh, workloads: readonly WorkloadDocument[]) {
    this.where = `the mesh of weft run ${folder}`;
    this.folder = folder;
    this.#state = state;
    this.#workloads = workloads;
    this.namespace = workloads[0]!.metadata.namespace;
  }

  static async open(mesh: RunningMesh): Promise<RunAccess> {
    return new RunAccess(mesh, await readWorkloads(mesh.folder));
  }

  async proxies({ namespace, pods }: Selection): Promise<Sidecar[]> {
    const unknown = pods?.find((pod) => !this.#workloads.some(({ metadata }) => metadata.name === pod));
    if (unknown !== undefined) throw new UsageError(`no Workload ${unknown} is in ${this.folder}`);
    const chosen = this.#workloads.filter(
      ({ metadata }) =>
        (namespace === undefined || metadata.namespace === namespace) &&
        (pods?.includes(metadata.name) ?? true),
    );
    const proxies = await Promise.all(chosen.map(proxyOf));
    return proxies.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  async ask({ namespace, name }: Sidecar, question: Question): Promise<unknown> {
    const socket = adminSocketIn(this.#state, { namespace, name });
    const { status, text } = await askSocket(socket, { ...question, timeoutMs: TIMEOUT_MS });
    return parseAnswer(status, text);
  }

  rotation(): Promise<string | undefined> {
    return readFile(join(this.#state, ROTATION_FILE), 'utf8').catch(() => undefined);
  }

  async policies(namespace: string | undefined): Promise<PolicyView[]> {
    const documents = await this.#documents();
    const keys = documents
      .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
      .map(({ metadata }) => ({ namespace: metadata.namespace!, name: metadata.name }));
    const views = await Promise.all(keys.map((key) => this.policy(key.namespace, key.name)));
    return views.filter((view) => view !== undefined).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  async policy(namespace: string, name: string): Promise<PolicyView | undefined> {
    const documents = await this.#documents();
    const document = documents.find(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    );
    if (document === undefined) return undefined;
    const key = `${namespace}/${name}`;
    const ledger = await readJson<Record<string, { uid: string; generation: number; spec: MeshPolicySpec }>>(
      join(this.#state, 'policies.json'),
    );
    const status = await readJson<Omit<PolicyView, 'namespace' | 'name' | 'uid' | 'spec' | 'generation'>>(
      join(this.#state, 'status', `${key}.json`),
    );
    const entry = ledger?.[key];
    // just edited: the operator looks at the folder, and has not seen it yet
    const isRead = entry !== undefined && isDeepStrictEqual(entry.spec, document.spec);
    return {
      ...{
        namespace,
        name,
        uid: entry?.uid ?? '',
        spec: document.spec,
        generation: isRead ? entry.generation : undefined,
      },
      observedGeneration: status?.observedGeneration ?? 0,
      conditions: status?.conditions ?? [],
      proxies: status?.proxies,
      laggards: status?.laggards ?? [],
    };
  }

  async service(namespace: string, name: string): Promise<ServiceView> {
    const behind = this.#workloads.filter(
      ({ metadata, spec }) => metadata.namespace === namespace && spec.service === name,
    );
    if (behind.length === 0) {
      throw new UsageError(`no Workload of ${this.folder} backs the Service ${namespace}/${name}`);
    }
    return viewOf(behind);
  }

  async labels(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = this.#workloads.find(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    );
    return found && (found.spec.labels ?? {});
  }

  labelled(namespace: string, labels: Readonly<Record<string, string>>): Promise<ServiceView> {
    return viewOf(
      this.#workloads.filter(
        ({ metadata, spec }) =>
          metadata.namespace === namespace &&
          Object.entries(labels).every(([label, value]) => spec.labels?.[label] === value),
      ),
    );
  }

  async #documents(): Promise<MeshPolicy[]> {
    const names = (await readdir(this.folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
    const texts = await Promise.all(
      names.map((name) => readFile(join(this.folder, name), 'utf8').catch(() => '')),
    );
    return texts
      .flatMap((text) => parseAllDocuments(text, { uniqueKeys: false }))
      .filter(({ errors }) => errors.length === 0)
      .map((document) => document.toJS() as MeshPolicy | null)
      .filter((value): value is MeshPolicy => value?.kind === 'MeshPolicy' && value.metadata !== undefined);
  }
}

async function viewOf(workloads: readonly WorkloadDocument[]): Promise<ServiceView> {
  const ports = new Set(workloads.flatMap(({ spec }) => spec.ports?.map(({ port }) => port) ?? []));
  return { proxies: await Promise.all(workloads.map(proxyOf)), unmeshed: [], ports: ports.size };
}

async function proxyOf(workload: WorkloadDocument): Promise<Sidecar> {
  const { namespace, name } = workload.metadata;
  const url = `http://${addressOf(workload)}:${workload.spec.admin.port}/readyz`;
  return { namespace, name, ready: (await readyProblem(url)) === undefined };
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

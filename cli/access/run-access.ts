import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ROTATION_FILE } from '../../api/ca-report.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { readyProblem } from '../run/admin-client.ts';
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
import { type PolicyDocument, readRunDocuments } from './run-documents.ts';
import { type RunningMesh, workloadsOf } from './running-mesh.ts';
import { askSocket } from './socket-request.ts';

const TIMEOUT_MS = 10_000;

/** What the operator noted of a policy. */
interface LedgerEntry {
  readonly uid: string;
  readonly generation: number;
  readonly spec: MeshPolicySpec;
}
/** `entry` absent: the operator has not seen it yet */
type KnownPolicy = PolicyDocument & { readonly entry?: LedgerEntry };

/** The mesh of a `weft run` on this machine: sidecars by their sockets, policies by what the operator writes. */
export class RunAccess implements Access {
  readonly where: string;
  readonly folder: string;
  readonly namespace: string;
  /** for people: what cannot be read or does not count in the folder of the documents now */
  readonly notes: readonly string[];
  readonly #state: string;
  readonly #workloads: readonly WorkloadDocument[];

  private constructor(
    { folder, state }: RunningMesh,
    workloads: readonly WorkloadDocument[],
    notes: readonly string[],
  ) {
    this.where = `the mesh of weft run ${folder}`;
    this.folder = folder;
    this.#state = state;
    this.#workloads = workloads;
    this.notes = notes;
    this.namespace = workloads[0]!.metadata.namespace;
  }

  static async open(mesh: RunningMesh): Promise<RunAccess> {
    const { notes } = await readRunDocuments(mesh.folder);
    return new RunAccess(mesh, await workloadsOf(mesh), notes);
  }

  /** A folder has no list of them. */
  async hasNamespace(): Promise<undefined> {
    return undefined;
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
    const known = [...(await this.#policies()).values()];
    const views = known
      .filter((policy) => namespace === undefined || policy.namespace === namespace)
      .map((policy) => this.#viewOf(policy));
    return (await Promise.all(views)).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  async policy(namespace: string, name: string): Promise<PolicyView | undefined> {
    const known = (await this.#policies()).get(`${namespace}/${name}`);
    return known && this.#viewOf(known);
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

  /** Those the operator has, whether their documents can be read now or not, and those it has not seen yet. */
  async #policies(): Promise<ReadonlyMap<string, KnownPolicy>> {
    const { policies } = await readRunDocuments(this.folder);
    const ledger = await readJson<Readonly<Record<string, LedgerEntry>>>(join(this.#state, 'policies.json'));
    const known = new Map<string, KnownPolicy>(policies);
    for (const [key, entry] of Object.entries(ledger ?? {})) {
      const [namespace = '', name = ''] = key.split('/');
      const spec = policies.get(key)?.spec ?? entry.spec;
      known.set(key, { namespace, name, spec, entry });
    }
    return known;
  }

  async #viewOf({ namespace, name, spec, entry }: KnownPolicy): Promise<PolicyView> {
    const status = await readJson<Omit<PolicyView, 'namespace' | 'name' | 'uid' | 'spec' | 'generation'>>(
      join(this.#state, 'status', namespace, `${name}.json`),
    );
    // just edited: the operator looks at the folder, and has not seen it yet
    const isRead = entry !== undefined && isDeepStrictEqual(entry.spec, spec);
    return {
      ...{ namespace, name, spec, uid: entry?.uid ?? '', generation: isRead ? entry.generation : undefined },
      observedGeneration: status?.observedGeneration ?? 0,
      conditions: status?.conditions ?? [],
      proxies: status?.proxies,
      laggards: status?.laggards ?? [],
    };
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

import type { Issuer, ProxyConfig } from '../../api/proxy-config.ts';
import { effective } from '../compile/effective.ts';
import { hitOf } from '../compile/target.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import type { ProxyFiles } from '../platform.ts';
import { canonicalKeys } from './parse-key-set.ts';

/** Proxies of a namespace that are looked at for one key set. */
const PROXIES_MAX = 4;
/** Namespaces that are asked about one key set at the same time. */
const CONCURRENCY = 16;

/**
 * What proxies were given last, by this process or one before it, read once for each proxy. It is read from where
 * those of a namespace may write, so it counts for the proxies of that namespace alone.
 */
export class HandedOutKeySets {
  readonly #mesh: Mesh;
  readonly #read: (workload: Workload) => Promise<ProxyFiles | undefined>;
  readonly #issuers = new Map<string, Promise<readonly Issuer[]>>();

  constructor(mesh: Mesh, read: (workload: Workload) => Promise<ProxyFiles | undefined>) {
    this.#mesh = mesh;
    this.#read = read;
  }

  /** @param policies keys of those that name the URI. @returns by namespace; undefined: no proxy was given keys of it */
  async keysOf(uri: string, policies: readonly string[]): Promise<Map<string, object[]> | undefined> {
    const found = new Map<string, object[]>();
    const targeted = [...this.#targeted(policies)];
    for (let at = 0; at < targeted.length; at += CONCURRENCY) {
      const turn = targeted.slice(at, at + CONCURRENCY);
      await Promise.all(
        turn.map(async ([namespace, workloads]) => {
          const keys = await this.#keysAmong(workloads, uri);
          if (keys !== undefined) found.set(namespace, keys);
        }),
      );
    }
    return found.size === 0 ? undefined : found;
  }

  async #keysAmong(workloads: readonly Workload[], uri: string): Promise<object[] | undefined> {
    for (const workload of workloads) {
      const issuers = await this.#issuersOf(workload);
      const issuer = issuers.find(({ jwksUri, keys }) => jwksUri === uri && keys.length > 0);
      if (issuer !== undefined) return canonicalKeys(issuer.keys);
    }
    return undefined;
  }

  /** A few of each namespace. */
  #targeted(policies: readonly string[]): Map<string, Workload[]> {
    const mesh = this.#mesh;
    const found = new Map<string, Workload[]>();
    for (const key of policies) {
      const policy = mesh.policy(key);
      const inForce = policy && effective(mesh, policy);
      if (inForce === undefined) continue;
      const everywhere = inForce.namespace === mesh.settings.controlPlaneNamespace;
      const candidates = everywhere ? mesh.workloads() : mesh.workloadsOf(inForce.namespace);
      for (const workload of readyFirst(candidates)) {
        const known = found.get(workload.namespace) ?? [];
        if (known.length === PROXIES_MAX || known.includes(workload)) continue;
        const services = mesh.servicesOver(workload);
        const isHit = mesh.isMeshed(workload) && hitOf(mesh, inForce, workload, services) !== undefined;
        if (isHit) found.set(workload.namespace, [...known, workload]);
      }
    }
    return found;
  }

  #issuersOf(workload: Workload): Promise<readonly Issuer[]> {
    const known = this.#issuers.get(workload.key);
    if (known !== undefined) return known;
    const read = this.#read(workload).then((files) => issuersIn(files?.config));
    this.#issuers.set(workload.key, read);
    return read;
  }
}

/** They have been given something for sure. */
function readyFirst(workloads: readonly Workload[]): Workload[] {
  return [...workloads.filter(({ ready }) => ready), ...workloads.filter(({ ready }) => !ready)];
}

/** Written by an operator, perhaps an older one. */
function issuersIn(config: string | undefined): readonly Issuer[] {
  try {
    const { inbound } = JSON.parse(config ?? 'null') as ProxyConfig;
    return (inbound.issuers ?? []).filter(({ keys }) => Array.isArray(keys));
  } catch {
    return [];
  }
}

import type { Issuer, ProxyConfig } from '../../api/proxy-config.ts';
import { effective } from '../compile/effective.ts';
import { hitOf } from '../compile/target.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import type { ProxyFiles } from '../platform.ts';
import { canonicalKeys } from './parse-key-set.ts';

/** Proxies that are looked at for one key set. */
const PROXIES_MAX = 4;

/** What proxies were given last, by this process or one before it, read once for each proxy. */
export class HandedOutKeySets {
  readonly #mesh: Mesh;
  readonly #read: (workload: Workload) => Promise<ProxyFiles | undefined>;
  readonly #issuers = new Map<string, Promise<readonly Issuer[]>>();

  constructor(mesh: Mesh, read: (workload: Workload) => Promise<ProxyFiles | undefined>) {
    this.#mesh = mesh;
    this.#read = read;
  }

  /** @param policies keys of those that name the URI. @returns undefined: no proxy was given keys of it */
  async keysOf(uri: string, policies: readonly string[]): Promise<object[] | undefined> {
    for (const workload of this.#targeted(policies)) {
      const issuers = await this.#issuersOf(workload);
      const issuer = issuers.find(({ jwksUri, keys }) => jwksUri === uri && keys.length > 0);
      if (issuer !== undefined) return canonicalKeys(issuer.keys);
    }
    return undefined;
  }

  #targeted(policies: readonly string[]): Workload[] {
    const mesh = this.#mesh;
    const found: Workload[] = [];
    for (const key of policies) {
      const policy = mesh.policy(key);
      const inForce = policy && effective(mesh, policy);
      if (inForce === undefined) continue;
      const everywhere = inForce.namespace === mesh.settings.controlPlaneNamespace;
      const candidates = everywhere ? mesh.workloads() : mesh.workloadsOf(inForce.namespace);
      for (const workload of readyFirst(candidates)) {
        if (found.length === PROXIES_MAX) return found;
        const services = mesh.servicesOver(workload);
        const isHit = mesh.isMeshed(workload) && hitOf(mesh, inForce, workload, services) !== undefined;
        if (isHit) found.push(workload);
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

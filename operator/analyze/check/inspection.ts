import type { InboundPort, ProxyConfig } from '../../../api/proxy-config.ts';
import { type EffectivePolicy, effective } from '../../compile/effective.ts';
import { type CompiledProxy, compileProxyConfig } from '../../compile/proxy-config.ts';
import { isAbout, targetsOf } from '../../compile/target.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Workload } from '../../mesh/model.ts';
import type { ReadMesh } from '../read-mesh.ts';
import type { Found } from './codes.ts';

export interface CheckOptions {
  readonly nowMs: number;
  readonly auditDays: number;
  /** by key: policies whose documents are what is looked at; absent or empty: all are */
  readonly given?: Pick<ReadonlySet<string>, 'has'>;
}

/** A proxy and what it is told. */
export interface Sidecar {
  readonly workload: Workload;
  readonly compiled: CompiledProxy;
}

/** The mesh as the findings look at it; what is asked for often is computed once. */
export class Inspection {
  readonly mesh: Mesh;
  readonly read: Pick<
    ReadMesh,
    | 'injectedNamespaces'
    | 'uninjectable'
    | 'cutOff'
    | 'mislabelledNamespaces'
    | 'refusingNamespaces'
    | 'refusedPods'
  >;
  readonly options: CheckOptions;
  /** running pods, with a sidecar or without */
  readonly workloads: readonly Workload[];
  readonly proxies: readonly Sidecar[];
  /** what of each policy is in force, sorted by key */
  readonly policies: readonly EffectivePolicy[];
  readonly #proxiesByKey: ReadonlyMap<string, Sidecar>;
  readonly #targeted = new Map<string, readonly Workload[]>();

  constructor(mesh: Mesh, read: Inspection['read'], options: CheckOptions) {
    this.mesh = mesh;
    this.read = read;
    this.options = options;
    this.workloads = mesh.workloads().filter(({ finished }) => !finished);
    const meshed = this.workloads.filter((workload) => mesh.isMeshed(workload));
    this.proxies = meshed.map((workload) => ({ workload, compiled: compileProxyConfig(mesh, workload) }));
    this.policies = mesh.policies().flatMap((policy) => effective(mesh, policy) ?? []);
    this.#proxiesByKey = new Map(this.proxies.map((proxy) => [proxy.workload.key, proxy]));
  }

  get trustDomain(): string {
    return this.mesh.settings.trustDomain;
  }

  proxyOf(workload: Workload): Sidecar | undefined {
    return this.#proxiesByKey.get(workload.key);
  }

  /** Running pods that the policy targets, whatever its ports. */
  targeted(policy: EffectivePolicy): readonly Workload[] {
    const known = this.#targeted.get(policy.key);
    if (known !== undefined) return known;
    const targets = targetsOf(policy.spec);
    const found = this.workloads.filter((workload) => {
      const services = this.mesh.servicesOver(workload);
      return targets.some((target) => isAbout(policy, target, workload, services));
    });
    this.#targeted.set(policy.key, found);
    return found;
  }
  proxiesOf(policy: EffectivePolicy): Sidecar[] {
    return this.targeted(policy).flatMap((workload) => this.proxyOf(workload) ?? []);
  }
}

/** One kind of thing people fall into. Pure. */
export type Check = (inspection: Inspection) => readonly Found[];

/** What holds on a port, which may have an entry of its own. */
export function entryOf({ inbound }: ProxyConfig, port: number): InboundPort {
  const others = inbound.ports.find((each) => each.port === undefined)!;
  return inbound.ports.find((each) => each.port === port) ?? others;
}

/** Entries in which a rule counts. @param ports of the rule; undefined: all */
export function entriesOf(config: ProxyConfig, ports: readonly number[] | undefined): readonly InboundPort[] {
  return ports === undefined ? config.inbound.ports : ports.map((port) => entryOf(config, port));
}

export function onPolicy(
  policy: { readonly key: string },
  field: string | undefined,
  rest: Omit<Found, 'where'>,
): Found {
  return { ...rest, where: { kind: 'MeshPolicy', name: policy.key, ...(field !== undefined && { field }) } };
}

const SHOWN_MAX = 5;

/** `a, b and 3 more` */
export function some(all: readonly string[], max: number = SHOWN_MAX): string {
  if (all.length <= max) return all.join(', ');
  return `${all.slice(0, max).join(', ')} and ${all.length - max} more`;
}

/** Path of a rule in its policy. */
export function rulesField(rule: string): string {
  return `spec.inbound.authorization.rules[${rule}]`;
}

import type { MeshPolicySpec } from '../../api/mesh-policy.ts';

/** A sidecar that can be asked. */
export interface Sidecar {
  /** of the pod, or the Workload document */
  readonly namespace: string;
  readonly name: string;
  readonly ready: boolean;
}

/** `shop/web-7d9f`. */
export function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

export interface Selection {
  /** undefined: all */
  readonly namespace: string | undefined;
  /** names, when only these are meant */
  readonly pods?: readonly string[];
}

export interface PolicyCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** A policy and what its status says. */
export interface PolicyView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly spec: MeshPolicySpec;
  /** of the newest spec; undefined: the operator has not read it yet (without Kubernetes) */
  readonly generation: number | undefined;
  readonly observedGeneration: number;
  readonly conditions: readonly PolicyCondition[];
  readonly proxies?:
    | { readonly targeted: number; readonly inForce: number; readonly refused: number }
    | undefined;
  readonly laggards: readonly { readonly pod: string; readonly since: string; readonly reason: string }[];
}

/** The pods behind a Service. */
export interface ServiceView {
  readonly proxies: readonly Sidecar[];
  /** pods without a sidecar: what they are asked is recorded nowhere */
  readonly unmeshed: readonly string[];
  /** how many ports it has */
  readonly ports: number;
}

export interface Question {
  readonly method: 'GET' | 'POST';
  /** of the admin socket, with its query */
  readonly path: string;
  readonly body?: string;
}

/**
 * A mesh that runs somewhere, as far as whoever asks may see it. Methods reject with UsageError where the user can
 * mend it.
 */
export interface Access {
  /** in words, for messages */
  readonly where: string;
  /** without Kubernetes: the folder of its documents */
  readonly folder: string | undefined;
  /** where names without one are looked for */
  readonly namespace: string;
  /** Whether there is such a namespace; undefined: that cannot be known, or not by this user. */
  hasNamespace(namespace: string): Promise<boolean | undefined>;
  /** Those with a sidecar, sorted. */
  proxies(selection: Selection): Promise<Sidecar[]>;
  /** What the sidecar's admin socket answers, as JSON. */
  ask(proxy: Sidecar, question: Question): Promise<unknown>;
  /** What the operator reports of the rotation of the root, JSON of api/ca-report.ts; undefined: nothing. */
  rotation(controlPlaneNamespace: string): Promise<string | undefined>;
  policies(namespace: string | undefined): Promise<PolicyView[]>;
  /** undefined: there is no such policy */
  policy(namespace: string, name: string): Promise<PolicyView | undefined>;
  service(namespace: string, name: string): Promise<ServiceView>;
  /** of a pod, without those that its controller gave it; undefined: there is no such pod */
  labels(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** pods that have all of these labels */
  labelled(namespace: string, labels: Readonly<Record<string, string>>): Promise<ServiceView>;
}

import type { Destination } from './destination.ts';
import type { ProxyConfig } from './proxy-config.ts';

/**
 * What the CLI asks of `weft operator analyze` on standard input, and what that answers on standard output, one
 * JSON document each. Rooms import no other room, so the CLI starts the operator's as a process that answers one
 * question and ends. Nothing here is stored or sent over a network.
 */
export interface Question {
  readonly mesh: MeshSource;
  /** policies to be taken as if they were applied; of plan and check */
  readonly documents?: readonly DocumentText[];
  /** keys of policies to be taken as if they were deleted; of plan */
  readonly deletes?: readonly string[];
  /** of documents that name none */
  readonly namespace?: string;
  readonly about: ExplainQuestion | PlanQuestion | CheckQuestion;
}

/** Where the mesh is read from. */
export type MeshSource =
  | {
      readonly type: 'Kubernetes';
      /** absent: as kubectl finds it */
      readonly kubeconfig?: string;
      /** absent: the current one */
      readonly context?: string;
      readonly controlPlaneNamespace: string;
      readonly trustDomain: string;
    }
  | {
      /** of MeshPolicy and Workload documents, as `weft run` has it */
      readonly type: 'Folder';
      readonly folder: string;
      /** of the `weft run` that has the folder: what is in force is noted there; absent: none runs */
      readonly state?: string;
      readonly controlPlaneNamespace: string;
      readonly trustDomain: string;
    };

/** In the state folder of a `weft run`: JSON of the Workloads it was started with. */
export const WORKLOADS_FILE = 'workloads.json';

/** A file of YAML. */
export interface DocumentText {
  readonly file: string;
  readonly text: string;
}

export interface ExplainQuestion {
  readonly type: 'Explain';
  readonly subject: Subject;
}
export type Subject =
  /** key of a pod or Workload; without namespace it is the question's */
  | { readonly type: 'Workload'; readonly name: string }
  | { readonly type: 'Selector'; readonly labels: Readonly<Record<string, string>> }
  | { readonly type: 'Service'; readonly name: string }
  /** `port` absent: all ports of the Service */
  | { readonly type: 'Pair'; readonly from: string; readonly to: string; readonly port?: number };

export interface PlanQuestion {
  readonly type: 'Plan';
  /** whether what proxies would be told is wanted too, to try recorded requests on them */
  readonly withConfigurations?: boolean;
}

export interface CheckQuestion {
  readonly type: 'Check';
  /** days after which a policy in Audit mode is worth a word */
  readonly auditDays?: number;
  /** findings of this namespace only */
  readonly onlyNamespace?: string;
}

export type Answer =
  | { readonly type: 'Explanation'; readonly explanation: Explanation }
  | { readonly type: 'Plan'; readonly plan: Plan }
  | { readonly type: 'Findings'; readonly findings: readonly Finding[] }
  /** `usage`: it was not asked rightly; otherwise it could not be done */
  | { readonly type: 'Error'; readonly usage: boolean; readonly message: string; readonly hint?: string };

/** Where a value comes from. */
export interface ValueOrigin {
  /** key of the MeshPolicy */
  readonly policy: string;
  readonly generation: number;
  /** path in it, such as `spec.inbound.mtls.mode` */
  readonly field: string;
}

/** One value that holds. */
export interface EffectiveValue {
  /** `inbound.mtls`, `traffic.timeout.request` */
  readonly path: string;
  /** container port; absent: every port that has no values of its own */
  readonly port?: number;
  /** absent: the sidecar's own default holds */
  readonly value?: unknown;
  /** absent: nobody says anything, and this is the default */
  readonly origin?: ValueOrigin;
  /** what others said that does not hold, the strongest first */
  readonly lost: readonly { readonly origin: ValueOrigin; readonly value: unknown }[];
}

/** Something worth knowing about a policy that is about the subject. */
export interface PolicyNote {
  readonly policy: string;
  readonly reason: 'NotAccepted' | 'Overruled' | 'Redundant' | 'Conflicted' | 'NotResolved';
  readonly message: string;
}

export interface Explanation {
  readonly subject: string;
  /** proxies with equal values are one entry */
  readonly proxies: readonly ExplainedProxies[];
  readonly destinations: readonly ExplainedDestination[];
  readonly notes: readonly PolicyNote[];
  /** what is not valid in the folder of the mesh, and so not in force; absent: all is, or there is no folder */
  readonly invalid?: readonly DocumentProblem[];
}
export interface ExplainedProxies {
  /** keys */
  readonly workloads: readonly string[];
  /** false: no sidecar, so nothing below is enforced, and nothing is listed */
  readonly meshed: boolean;
  /** ports whose connections go past the sidecar, where nothing below holds */
  readonly bypassedPorts: readonly number[];
  readonly values: readonly EffectiveValue[];
}
export interface ExplainedDestination {
  /** `shop/payments:80` */
  readonly key: string;
  /** whose view it is; absent: that of callers without a view of their own */
  readonly caller?: string;
  readonly protocol?: string;
  readonly endpoints: number;
  readonly backends: readonly { readonly name: string; readonly endpoints: number }[];
  readonly values: readonly EffectiveValue[];
  /** policies by which some callers have a view of their own, where this is the common one */
  readonly ownViews: readonly string[];
}

export interface Plan {
  /** of documents that the API server would refuse, or that cannot be read; they are left out of the plan */
  readonly problems: readonly DocumentProblem[];
  readonly policies: readonly PlannedPolicy[];
  readonly proxies: readonly PlannedProxies[];
  /** proxies that would not be told all of it; absent: none */
  readonly withheld?: readonly { readonly workloads: readonly string[]; readonly reason: string }[];
  /** what is not valid in the folder of the mesh, and so not in force; absent: all is, or there is no folder */
  readonly invalid?: readonly DocumentProblem[];
  readonly destinations: readonly PlannedDestinations[];
  readonly conflicts: {
    readonly appear: readonly PlannedConflict[];
    readonly end: readonly PlannedConflict[];
  };
  /** of proxies that would be told something else, if they were asked for; as many as fit into an answer */
  readonly affected?: readonly AffectedProxy[];
  /** how many did not fit; absent: all did */
  readonly affectedLeftOut?: number;
}
/** What a proxy would be told, to try recorded requests on it. */
export interface AffectedProxy {
  readonly namespace: string;
  readonly name: string;
  readonly proxyId: string;
  /** absent: it does not change */
  readonly config?: ProxyConfig;
  /** those that change, asked for by the name of the Service */
  readonly destinations: readonly Destination[];
}
export interface DocumentProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** somebody else's document: not wrong, only left out */
  readonly foreign?: true;
}
export interface PlannedPolicy {
  readonly policy: string;
  readonly action: 'Create' | 'Change' | 'Delete' | 'Nothing';
  readonly file?: string;
  readonly line?: number;
  /** absent: it would be accepted */
  readonly refusal?: { readonly reason: string; readonly message: string; readonly inForce?: number };
  /** absent: all that it names exists */
  readonly unresolved?: { readonly reason: string; readonly message: string };
}
/** Proxies whose values change in the same way. */
export interface PlannedProxies {
  readonly workloads: readonly string[];
  readonly changes: readonly FieldChange[];
}
/** Destinations, each as the callers see it, whose values change in the same way. */
export interface PlannedDestinations {
  readonly destinations: readonly string[];
  /** keys of the workloads */
  readonly callers: readonly string[];
  /** every workload that could call */
  readonly allCallers: boolean;
  readonly changes: readonly FieldChange[];
}
export interface FieldChange {
  readonly path: string;
  readonly port?: number;
  /** absent: there is none */
  readonly before?: unknown;
  readonly after?: unknown;
  /** absent: the default */
  readonly originBefore?: ValueOrigin;
  readonly originAfter?: ValueOrigin;
}
export interface PlannedConflict {
  readonly loser: string;
  readonly winner: string;
  readonly field: string;
  readonly mandatory: boolean;
}

export type Severity = 'error' | 'warning' | 'info';
export interface Finding {
  readonly severity: Severity;
  /** one word, for programs */
  readonly code: string;
  readonly message: string;
  readonly where: Where;
  /** what to write or do */
  readonly fix: string;
}
export interface Where {
  readonly kind: 'MeshPolicy' | 'Service' | 'Workload' | 'Namespace' | 'Installation' | 'File';
  /** `<namespace>/<name>` where it has one */
  readonly name: string;
  /** path in the policy: `spec.inbound.authorization.rules[web-reads].from[0]` */
  readonly field?: string;
  readonly file?: string;
  readonly line?: number;
}

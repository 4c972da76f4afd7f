import type { SignedAnswer } from './identity/signed-answer.ts';
import type { AcceptedRevision, Change, Policy, Workload } from './mesh/model.ts';

/**
 * What the operator needs of the place it runs in: Kubernetes, or a folder of YAML files. The core (mesh,
 * compile, identity, stream) is the same in both.
 */
export interface Platform {
  /**
   * Starts delivering changes and resolves once everything that exists has been delivered. Changes are
   * level-based and may repeat; `apply` is synchronous and cheap.
   */
  start(apply: (changes: readonly Change[]) => void): Promise<void>;
  stop(): Promise<void>;

  /** Only the leader writes Secrets, statuses, revisions and the root. Without Kubernetes: always true. */
  readonly leadership: Leadership;

  /** The roots of trust; undefined when there are none yet. Never logged. */
  loadRoot(): Promise<StoredRoots | undefined>;
  /** Creates the root if there is still none, and returns the one that won. */
  createRoot(roots: StoredRoots): Promise<StoredRoots>;
  /** Writes all of it, unless what is stored is of another revision any more: false. */
  replaceRoots(roots: StoredRoots): Promise<boolean>;
  /** What everybody may know of the rotation, as JSON; writes nothing when it says the same already. */
  publishRotation(report: string): Promise<void>;

  /** Who signs instead of the built-in authority; absent: nobody does. */
  readonly issuer?: IssuerClient;

  /** Writes Secret `weft-proxy-<id>` (or the folder of that name); writes nothing when the four are as they were. */
  writeProxy(workload: Workload, files: ProxyFiles): Promise<void>;
  /** What the proxy was given last, so that a restart does not issue certificates anew; undefined: nothing. */
  readProxy(workload: Workload): Promise<ProxyFiles | undefined>;
  removeProxy(workload: Workload): Promise<void>;

  writeStatus(policy: Policy, status: PolicyStatus): Promise<void>;
  storeAccepted(revision: AcceptedRevision): Promise<void>;
  recordEvent(event: PlatformEvent): Promise<void>;

  /** Who holds this projected token (audience `weft`); undefined: not valid. */
  reviewToken(token: string): Promise<TokenHolder | undefined>;
}

export interface Leadership {
  readonly isLeader: boolean;
  /** name of this replica: of its pod; undefined: there can be no others */
  readonly identity: string | undefined;
  /** name of the replica that leads, as far as this one knows; it may be itself */
  readonly leader: string | undefined;
  onChange(listener: (isLeader: boolean) => void): void;
}

export interface IssuerClient {
  /** for people: `ClusterIssuer/mesh-ca` */
  readonly name: string;
  /** @param request PKCS #10, PEM. Rejects with IssuerError when it was not signed in time, or not at all. */
  sign(request: string, lifetimeMs: number): Promise<SignedAnswer>;
  /**
   * The certificate with which operators serve, kept so that one that starts serves while nobody signs. Undefined:
   * there is none.
   */
  loadOwnLeaf(): Promise<OwnLeafMaterial | undefined>;
  storeOwnLeaf(leaf: OwnLeafMaterial): Promise<void>;
}
export interface OwnLeafMaterial {
  /** PEM, as below */
  readonly certificate: string;
  readonly privateKey: string;
}

/** PEM. */
export interface RootMaterial {
  readonly certificate: string;
  /** empty: an issuer elsewhere has it */
  readonly privateKey: string;
}

/** What is kept of the authority. Only `certificate` and `privateKey`: by an operator that did not rotate. */
export interface StoredRoots extends RootMaterial {
  readonly next?: RootMaterial;
  /** PEM: trusted still, and signs no more */
  readonly previous?: string;
  /** JSON of identity/ca-state.ts */
  readonly rotation?: string;
  /** of what was read; absent: the platform has but one writer */
  readonly revision?: string;
}

/** The files of API.md's Secret, as text. */
export interface ProxyFiles {
  readonly config: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
  /**
   * What to start with, as far as it was known when the others were last written: it is no reason to write them.
   * Absent: nothing was known.
   */
  readonly destinations?: string;
}

export interface TokenHolder {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly serviceAccount: string;
}

export interface PolicyStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly proxies: {
    readonly targeted: number;
    readonly inForce: number;
    readonly lagging: number;
    readonly refused: number;
  };
  readonly laggards: readonly { readonly pod: string; readonly since: string; readonly reason: string }[];
}
export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'InForce' | 'Conflicted';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

export interface PlatformEvent {
  readonly about: {
    readonly kind: 'Pod' | 'MeshPolicy';
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/**
 * What everybody may know of the roots and their rotation. The leading operator keeps it, as JSON, in the ConfigMap
 * `weft-trust-bundle` of the control plane's namespace under this key, and without Kubernetes in a file of this
 * name in the state folder.
 */
export const ROTATION_FILE = 'rotation.json';
/** Where the injector reads the roots it hands to pods, and everybody how far their rotation is. */
export const TRUST_BUNDLE_CONFIG_MAP = 'weft-trust-bundle';

export interface CaReport {
  /**
   * `Steady`: one root. `Distributing`, `Renewing`, `Retiring`: the steps of a rotation, in this order. `Waiting`:
   * there is none, as an issuer has not signed anything yet.
   */
  readonly phase: string;
  /** RFC 3339 times, here and below; since when the phase lasts */
  readonly since: string;
  /** when the next step comes at the latest */
  readonly until: string;
  /** when the root that signs is to be followed by another */
  readonly rotateAt: string;
  readonly roots: readonly RootReport[];
  /** sidecars and replicas that the step waits for; at most a hundred */
  readonly waitingFor: readonly string[];
  /** whom the last step did not wait for any longer */
  readonly silent: readonly string[];
  /** who signs instead of the operator; absent: nobody does */
  readonly issuer?: IssuerReport;
}

/** Of the leading operator's. */
export interface IssuerReport {
  /** `ClusterIssuer/mesh-ca` */
  readonly name: string;
  /** certificates that were asked for and are not there yet */
  readonly pending: number;
  /** it signs with a root that not everybody trusts yet, so what it signs is held back */
  readonly isHeld: boolean;
  /** absent: its last certificate was good */
  readonly failingSince?: string;
  /** of the last failure: `Denied: …` */
  readonly reason?: string;
}

export interface RootReport {
  /** SHA-256 of the DER, in lower-case hex */
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** `signs`; `next`: trusted, signs later; `previous`: trusted, signs no more */
  readonly role: 'signs' | 'next' | 'previous';
}

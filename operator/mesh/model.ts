import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Listeners, Protocol } from '../../api/proxy-config.ts';
import type { PolicyStatus } from '../platform.ts';

/**
 * The mesh as plain data, whatever it was read from. Sources produce these objects, compile/ reads them;
 * nothing here knows Kubernetes clients, files, clocks or sockets.
 */

export interface Workload {
  /** `<namespace>/<name>`; name of the pod, or of the Workload document */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** the app as shown in metrics */
  readonly app: string;
  /** absent until known */
  readonly addresses: readonly string[];
  /** ready to serve, as the platform sees it */
  readonly ready: boolean;
  /** not ready only because its node has not been heard of: whether it serves nobody knows; absent: no */
  readonly unheard?: boolean;
  /** Succeeded or Failed pods and deleted Workloads get no certificates */
  readonly finished: boolean;
  /** told to end: it may still serve, but nobody waits for it to hold anything new; absent: no */
  readonly terminating?: boolean;
  /** the proxy id of the immutable Secret volume; undefined: not meshed */
  readonly proxyId: string | undefined;
  readonly ports: readonly WorkloadPort[];
  /** connections to these go past the sidecar, so nobody speaks mTLS there; sorted, absent: none */
  readonly skippedInboundPorts?: readonly number[];
  /** present only without Kubernetes */
  readonly listeners?: Listeners;
  /** RFC 3339; of two workloads that show one proxy id the older one has it */
  readonly createdAt?: string;
}
export interface WorkloadPort {
  readonly name: string | undefined;
  readonly port: number;
}

export interface Service {
  /** `<namespace>/<name>` */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** cluster IPs; empty for headless services and without Kubernetes */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  /** empty: no selector */
  readonly selector: Readonly<Record<string, string>>;
}
export interface ServicePort {
  readonly name: string | undefined;
  readonly port: number;
  /** from appProtocol; undefined: who speaks first decides */
  readonly protocol: Protocol | undefined;
  /** number, or name of a container port; absent: taken from the EndpointSlices, else equal to port */
  readonly targetPort?: number | string;
}

/** One EndpointSlice (or what stands for it): the addresses behind some ports of one Service. */
export interface EndpointSlice {
  /** `<namespace>/<name>` of the slice */
  readonly key: string;
  /** key of the Service */
  readonly service: string;
  /** kept by Kubernetes after what pods say of themselves, so where it differs from them it is only late; absent: no */
  readonly followsPods?: boolean;
  readonly ports: readonly { readonly name: string | undefined; readonly port: number }[];
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly ready: boolean;
    /** told to end, but still serving; absent: no */
    readonly draining?: boolean;
    /** key of the Workload behind it, if any */
    readonly workload: string | undefined;
    /** topology.kubernetes.io/zone of its node; absent: unknown */
    readonly zone?: string;
  }[];
}

export interface Policy {
  /** `<namespace>/<name>` */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** RFC 3339; the older of two equally specific policies wins */
  readonly createdAt: string;
  readonly spec: MeshPolicySpec;
  /** as last read; keeps transition times over restarts and is no input of compilation */
  readonly status?: PolicyStatus;
}

/**
 * The last spec of a policy that was accepted, stored outside the process (a ControllerRevision owned by the
 * policy), so that an unacceptable change of a policy leaves the old one in force, restarts included.
 */
export interface AcceptedRevision {
  /** key of the Policy */
  readonly key: string;
  readonly uid: string;
  readonly generation: number;
  readonly spec: MeshPolicySpec;
}

/** The public keys at a `jwks.uri` of some policy, as last fetched. */
export interface KeySet {
  /** the https URI, as policies write it */
  readonly key: string;
  /** JWKs (RFC 7517 section 4), public parts only; the last good ones while there is a problem */
  readonly keys: readonly object[];
  /**
   * Until they were fetched, per namespace: what its own proxies were given before. Whoever may write in a namespace
   * may have written these, so nobody else is given them.
   */
  readonly handedOut?: ReadonlyMap<string, readonly object[]>;
  /** why the newest could not be had; absent: these are the newest */
  readonly problem?: string;
}

/**
 * The consent of a namespace that its Services are routed to, mirrored to or named in `to` from elsewhere: a
 * Gateway API ReferenceGrant, of which only what grants MeshPolicies of weft.dev access to core Services is here.
 * Source: https://gateway-api.sigs.k8s.io/api-types/referencegrant/
 */
export interface ReferenceGrant {
  /** `<namespace>/<name>` */
  readonly key: string;
  /** whose Services */
  readonly namespace: string;
  readonly from: readonly { readonly namespace: string }[];
  /** undefined: all Services of the namespace */
  readonly to: readonly { readonly name: string | undefined }[];
}

export interface MeshSettings {
  readonly trustDomain: string;
  readonly controlPlaneNamespace: string;
  /** host:port at which sidecars reach the stream */
  readonly streamAddress: string;
}

/** One object that appeared, changed (`value`) or went (`value` undefined). Level-based: the newest wins. */
export type Change =
  | { readonly kind: 'Workload'; readonly key: string; readonly value: Workload | undefined }
  | { readonly kind: 'Service'; readonly key: string; readonly value: Service | undefined }
  | { readonly kind: 'EndpointSlice'; readonly key: string; readonly value: EndpointSlice | undefined }
  | { readonly kind: 'Policy'; readonly key: string; readonly value: Policy | undefined }
  | { readonly kind: 'AcceptedRevision'; readonly key: string; readonly value: AcceptedRevision | undefined }
  | { readonly kind: 'KeySet'; readonly key: string; readonly value: KeySet | undefined }
  | { readonly kind: 'ReferenceGrant'; readonly key: string; readonly value: ReferenceGrant | undefined };

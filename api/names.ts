/** Names of the contract: what users write, what pods carry, what listens where. One place, no synonyms. */

export const API_GROUP = 'weft.dev';
export const API_VERSION = 'weft.dev/v1alpha1';

export const LABEL_INJECT = 'weft.dev/inject';
/** `true` on every pod that has a sidecar, so that they can be listed. */
export const LABEL_INJECTED = 'weft.dev/injected';

export const ANNOTATION_PROXY = 'weft.dev/proxy';
export const ANNOTATION_STATUS = 'weft.dev/status';
export const ANNOTATION_SKIP_INBOUND_PORTS = 'weft.dev/skip-inbound-ports';
export const ANNOTATION_SKIP_OUTBOUND_PORTS = 'weft.dev/skip-outbound-ports';
export const ANNOTATION_SKIP_OUTBOUND_CIDRS = 'weft.dev/skip-outbound-cidrs';
export const ANNOTATION_CPU_REQUEST = 'weft.dev/cpu-request';
export const ANNOTATION_MEMORY_REQUEST = 'weft.dev/memory-request';
export const ANNOTATION_CPU_LIMIT = 'weft.dev/cpu-limit';
export const ANNOTATION_MEMORY_LIMIT = 'weft.dev/memory-limit';
export const ANNOTATION_LOG_LEVEL = 'weft.dev/log-level';
export const ANNOTATION_IMAGE = 'weft.dev/image';

/** Names inside an injected pod. */
export const CONTAINER_INIT = 'weft-init';
export const CONTAINER_SIDECAR = 'weft-sidecar';
export const VOLUME_PROXY = 'weft-proxy';
export const VOLUME_TOKEN = 'weft-token';
export const VOLUME_STATE = 'weft-state';
export const MOUNT_PROXY = '/var/run/weft/proxy';
export const MOUNT_TOKEN = '/var/run/weft/token';
export const MOUNT_STATE = '/var/lib/weft';

/** The per-pod Secret `weft-proxy-<id>` and, without Kubernetes, the folder of the same shape. */
export const SECRET_PREFIX = 'weft-proxy-';
export const SECRET_TYPE = 'weft.dev/proxy';
export const SECRET_KEYS = {
  config: 'config.json',
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  trustBundle: 'ca.crt',
} as const;
/** Beside them, if any are known: destinations that pods of its kind call, as JSON of KnownDestination[]. */
export const SECRET_DESTINATIONS = 'destinations.json';
/** Bytes; what does not fit is left out. */
export const SECRET_DESTINATIONS_MAX_BYTES = 32 * 1024;
/** Bytes; above this a configuration is refused with `Accepted=False, TooLarge`. */
export const CONFIG_MAX_BYTES = 256 * 1024;

/** Audience of the projected service account token with which a sidecar asks for its first certificate. */
export const TOKEN_AUDIENCE = 'weft';

export const PORTS = {
  outbound: 15001,
  inbound: 15006,
  /** health, readiness, metrics, declared probes; on the pod IP */
  admin: 15020,
  /** the operator's push stream */
  stream: 15010,
  operatorHealth: 15021,
  injector: 15443,
  injectorHealth: 15022,
} as const;
/** Original ports that inbound never forwards to. */
export const RESERVED_PORTS: readonly number[] = [PORTS.outbound, PORTS.inbound, PORTS.admin];

export const PROXY_UID = 15015;
/** The source address the sidecar uses to dial its own app; exempt from redirection together with the uid. */
export const INBOUND_SOURCE_IPV4 = '127.0.0.6';
export const INBOUND_SOURCE_IPV6 = '::6';

/** ALPN values: a hint for recognition, never a proof. Trust is the chain and exactly one SPIFFE URI SAN. */
export const ALPN = { http1: 'weft/1-h1', http2: 'weft/1-h2', tcp: 'weft/1-tcp' } as const;
export const ALPN_STREAM = 'h2';

/** Request headers the inbound sidecar sets for the app and strips when they come from outside. */
export const HEADER_CALLER = 'weft-caller';
export const HEADER_CALLER_ADDRESS = 'weft-caller-address';
/** Request header, set where it is missing, by which a request can be asked about afterwards. */
/** On what a mirror sends, among sidecars alone: the request is a copy, and nobody waits for its answer. */
export const HEADER_MIRROR = 'weft-mirror';
export const HEADER_REQUEST_ID = 'x-request-id';
/** Response header on every answer the mesh itself makes. */
export const HEADER_ERROR = 'weft-error';
/** Every header with this prefix belongs to the mesh. */
export const HEADER_PREFIX = 'weft-';

export const OPERATOR_SERVICE = 'weft-operator';
export const OPERATOR_SERVICE_ACCOUNT = 'weft-operator';
export const INJECTOR_SERVICE = 'weft-injector';
export const INJECTOR_TLS_SECRET = 'weft-injector-tls';
export const CA_SECRET = 'weft-ca';
/** The operator's own serving certificate, kept where an issuer elsewhere signs. */
export const OPERATOR_TLS_SECRET = 'weft-operator-tls';
export const LABEL_MANAGED_BY = 'app.kubernetes.io/managed-by';
/** Its value on what the operator makes for others and deletes again. */
export const MANAGER = 'weft-operator';
export const WEBHOOK_CONFIGURATION = 'weft-injector';
export const LEASE_NAME = 'weft-operator';
export const FIELD_MANAGER = 'weft-operator';
export const DEFAULT_CONTROL_PLANE_NAMESPACE = 'weft-system';
export const DEFAULT_TRUST_DOMAIN = 'cluster.local';

/**
 * Kubernetes objects as JSON has them. client-node's types name dates as `Date`, which holds only for what
 * its own deserialiser made; what is read here are strings, and only where these interfaces say so.
 */
export interface ObjectMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339 */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubernetesObject {
  readonly metadata?: ObjectMeta;
}

export interface SecretObject extends KubernetesObject {
  readonly type?: string;
  /** base64 */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMapObject extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface PolicyObject extends KubernetesObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface RevisionObject extends KubernetesObject {
  readonly data?: unknown;
  readonly revision?: number;
}

export interface GrantObject extends KubernetesObject {
  readonly spec?: {
    readonly from?: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    readonly to?: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  };
}

/** `<namespace>/<name>`; undefined when the object lacks one of them. */
export function objectKey(object: KubernetesObject): string | undefined {
  const { namespace, name } = object.metadata ?? {};
  return namespace && name ? `${namespace}/${name}` : undefined;
}

/** Bytes equal whatever the order of keys, so that two objects can be compared as text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

import { PROXY_UID, VOLUME_PROXY, VOLUME_STATE, VOLUME_TOKEN } from '../../api/names.ts';
import {
  LABEL_ACCEPTED_POLICY,
  ownerReferenceTo,
} from '../../operator/kubernetes/translate/accepted-revision.ts';
import type { KubernetesObject } from './helm.ts';

export const ACCEPTED = { [LABEL_ACCEPTED_POLICY]: 'a-uid' };

export function revision(
  namespace: string,
  name: string,
  labels: Record<string, string>,
  owner?: { name: string; uid: string },
): KubernetesObject {
  const ownerReferences = owner === undefined ? [] : [ownerReferenceTo(owner.name, owner.uid)];
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { name, namespace, labels, ownerReferences },
    data: { inbound: { mtls: { mode: 'Permissive' } } },
    revision: 1,
  };
}

export function strictPolicy(namespace: string, name: string): KubernetesObject {
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: { name, namespace },
    spec: { inbound: { mtls: { mode: 'Strict' } } },
  };
}

/** As the injector leaves it, as far as admission of its ephemeral containers is concerned. */
export function injectedPod(
  namespace: string,
  name: string,
  annotations: Record<string, string>,
): KubernetesObject {
  const sidecar = {
    name: 'weft-sidecar',
    image: 'example.test/weft',
    restartPolicy: 'Always',
    securityContext: { runAsUser: PROXY_UID },
    volumeMounts: [{ name: VOLUME_PROXY, mountPath: '/var/run/weft/proxy' }],
  };
  const volumes = [VOLUME_PROXY, VOLUME_TOKEN, VOLUME_STATE, 'data'].map((each) => ({
    name: each,
    emptyDir: {},
  }));
  return {
    ...plainPod(namespace, name),
    metadata: { namespace, name, annotations },
    spec: { ...plainPod(namespace, name).spec, initContainers: [sidecar], volumes },
  };
}

export function plainPod(namespace: string, name: string, spec: KubernetesObject = {}): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: { containers: [{ name: 'app', image: 'example.test/app' }], ...spec },
  };
}

/** A strategic merge patch of the pod's subresource `ephemeralcontainers`. */
export function ephemeral(name: string, rest: KubernetesObject = {}): string {
  const container = { name, image: 'example.test/debug', ...rest };
  return JSON.stringify({ spec: { ephemeralContainers: [container] } });
}

/** The RoleBinding that makes a user master of everything in one namespace. */
export function adminOf(namespace: string, user: string): KubernetesObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${user}-is-admin`, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  };
}

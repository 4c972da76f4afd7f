import {
  KubeConfig,
  type V1EndpointSlice,
  type V1NetworkPolicy,
  type V1Pod,
  type V1Service,
} from '@kubernetes/client-node';
import type { MeshSource } from '../../api/analysis.ts';
import { LABEL_INJECT } from '../../api/names.ts';
import { AcceptedRevisions } from '../kubernetes/accepted-revisions.ts';
import { ApiClient } from '../kubernetes/api-client.ts';
import { isNotFound } from '../kubernetes/api-error.ts';
import {
  type KubernetesObject,
  objectKey,
  type PolicyObject,
  type RevisionObject,
} from '../kubernetes/objects.ts';
import {
  CONTROLLER_REVISIONS,
  ENDPOINT_SLICES,
  MESH_POLICIES,
  NAMESPACES,
  NETWORK_POLICIES,
  PODS,
  REFERENCE_GRANTS,
  SERVICES,
} from '../kubernetes/resources.ts';
import { LABEL_ACCEPTED_POLICY } from '../kubernetes/translate/accepted-revision.ts';
import { translateEndpointSlice } from '../kubernetes/translate/endpoint-slice.ts';
import { translatePod } from '../kubernetes/translate/pod.ts';
import { translatePolicy } from '../kubernetes/translate/policy.ts';
import { translateReferenceGrant } from '../kubernetes/translate/reference-grant.ts';
import { translateService } from '../kubernetes/translate/service.ts';
import { describeError } from '../log.ts';
import type { Change } from '../mesh/model.ts';
import { AnalysisError } from './analysis-error.ts';
import { Listing } from './listing.ts';
import { cutOffPods } from './network-policies.ts';
import { type ReadMesh, settingsOf } from './read-mesh.ts';
import { mislabelledNamespaces, refusedPods, refusingNamespaces } from './refused-pods.ts';

type Pod = V1Pod & KubernetesObject;

/** With the user's own rights, each resource listed once; no operator need be running. */
export async function readKubernetes(source: Extract<MeshSource, { type: 'Kubernetes' }>): Promise<ReadMesh> {
  const kubeConfig = kubeConfigOf(source);
  if (kubeConfig.getCurrentCluster() === null) {
    const hint = 'name one with --context, or a mesh without a cluster with --folder DIR';
    throw new AnalysisError('the kubeconfig names no current cluster', { usage: true, hint });
  }
  const api = new ApiClient(kubeConfig);
  try {
    await findCredentials(kubeConfig);
    return await readAll(api, kubeConfig, source);
  } finally {
    api.close();
  }
}

/** Some kubeconfigs run a program that asks people for a password, which no deadline of a request should count. */
async function findCredentials(kubeConfig: KubeConfig): Promise<void> {
  try {
    await kubeConfig.applyToHTTPSOptions({});
  } catch (error) {
    throw new AnalysisError(`the kubeconfig gives no credentials: ${describeError(error)}`, { usage: true });
  }
}

async function readAll(api: ApiClient, kubeConfig: KubeConfig, source: MeshSource): Promise<ReadMesh> {
  const listing = new Listing(api, kubeConfig.getCurrentCluster()?.server ?? '');
  await listing.reach();
  const [pods, services, slices, policies, revisions, grants, namespaces, isolating] = await Promise.all([
    listing.all<Pod>(PODS),
    listing.all<V1Service & KubernetesObject>(SERVICES),
    listing.all<V1EndpointSlice & KubernetesObject>(ENDPOINT_SLICES),
    listing.all<PolicyObject>(MESH_POLICIES).catch(notInstalled),
    listing.all<RevisionObject>(CONTROLLER_REVISIONS, LABEL_ACCEPTED_POLICY),
    // Without Gateway API nobody has consented to anything.
    listing.all(REFERENCE_GRANTS).catch(noneIfNotFound),
    // Only a finding needs them, and not everybody may list them.
    listing.allIfPermitted(NAMESPACES),
    listing.allIfPermitted<V1NetworkPolicy & KubernetesObject>(NETWORK_POLICIES),
  ]);
  listing.finish();
  return {
    settings: settingsOf(source),
    changes: [
      ...changesOf('Workload', pods, translatePod),
      ...changesOf('Service', services, translateService),
      ...changesOf('EndpointSlice', slices, translateEndpointSlice),
      ...changesOf('ReferenceGrant', grants, translateReferenceGrant),
      ...changesOf('Policy', policies, translatePolicy),
      ...acceptedOf(api, policies, revisions),
    ],
    namespace: kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace || 'default',
    injectedNamespaces:
      namespaces && new Set(namespaces.filter(isInjected).map(({ metadata }) => metadata?.name ?? '')),
    uninjectable: new Set(pods.filter(isUninjectable).flatMap((pod) => objectKey(pod) ?? [])),
    mislabelledNamespaces: mislabelledNamespaces(namespaces ?? []),
    refusingNamespaces: refusingNamespaces(namespaces ?? []),
    refusedPods: refusedPods(pods),
    cutOff: cutOffPods({
      ...{ pods, policies: isolating ?? [], namespaces: labelsOf(namespaces ?? []) },
      controlPlaneNamespace: source.controlPlaneNamespace,
    }),
    problems: [],
    positions: new Map(),
  };
}

function kubeConfigOf({ kubeconfig, context }: Extract<MeshSource, { type: 'Kubernetes' }>): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    // Further lines quote the file, in which there may be a token.
    const [why] = describeError(error).split('\n', 1);
    throw new AnalysisError(`the kubeconfig cannot be read: ${why}`, { usage: true });
  }
  if (context === undefined) {
    if (isMadeUp(config)) throw noCluster();
    return config;
  }
  if (config.getContextObject(context) === null) {
    const known = config.getContexts().map(({ name }) => name);
    const hint = known.length === 0 ? 'the kubeconfig has none' : `there are ${known.join(', ')}`;
    throw new AnalysisError(`there is no context ${context}`, { usage: true, hint });
  }
  config.setCurrentContext(context);
  return config;
}

/** What the client falls back to where there is no kubeconfig. */
function isMadeUp(config: KubeConfig): boolean {
  const isFallback = config.getCurrentContext() === 'loaded-context';
  return isFallback && config.getCurrentCluster()?.server === 'http://localhost:8080';
}

function noCluster(): AnalysisError {
  const hint = 'point KUBECONFIG or --kubeconfig to one, or start a mesh here: weft run FOLDER';
  return new AnalysisError('no cluster is known, and no weft run runs here', { usage: true, hint });
}

function notInstalled(error: unknown): never {
  if (!isNotFound(error)) throw error;
  const hint = 'install Weft first: docs/guides/install.md';
  throw new AnalysisError('the cluster knows no MeshPolicy: Weft is not installed there', { hint });
}

function noneIfNotFound(error: unknown): [] {
  if (isNotFound(error)) return [];
  throw error;
}

function changesOf<T extends KubernetesObject>(
  kind: Change['kind'],
  objects: readonly T[],
  translate: (object: T) => unknown,
): Change[] {
  return objects.flatMap((object) => {
    const key = objectKey(object);
    const value = translate(object);
    // Kind and translation go together in the one caller above.
    return key === undefined || value === undefined ? [] : [{ kind, key, value } as Change];
  });
}

/** As the operator reads them: of several the newest of the policy that has the name now. */
function acceptedOf(
  api: ApiClient,
  policies: readonly PolicyObject[],
  revisions: readonly RevisionObject[],
): Change[] {
  const accepted = new AcceptedRevisions(api);
  for (const policy of policies) {
    const key = objectKey(policy);
    if (key !== undefined) accepted.observePolicy(key, policy.metadata?.uid);
  }
  return accepted.observe(
    revisions.flatMap((object) => {
      const key = objectKey(object);
      return key === undefined ? [] : [{ key, object }];
    }),
  );
}

function labelsOf(namespaces: readonly KubernetesObject[]): Map<string, Readonly<Record<string, string>>> {
  return new Map(namespaces.map(({ metadata }) => [metadata?.name ?? '', metadata?.labels ?? {}]));
}

function isInjected({ metadata }: KubernetesObject): boolean {
  return metadata?.labels?.[LABEL_INJECT] === 'enabled';
}

/** By its own wish, or because there is nothing to redirect: see the injector's eligibility. */
function isUninjectable({ metadata, spec }: Pod): boolean {
  const isMirror = metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  const isWindows = spec?.os?.name === 'windows';
  return (
    metadata?.labels?.[LABEL_INJECT] === 'disabled' || isMirror || isWindows || spec?.hostNetwork === true
  );
}

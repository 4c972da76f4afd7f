import { KubeConfig, type V1EndpointSlice, type V1Pod, type V1Service } from '@kubernetes/client-node';
import type { MeshSource } from '../../api/analysis.ts';
import { LABEL_INJECT } from '../../api/names.ts';
import { systemClock } from '../clock.ts';
import { AcceptedRevisions } from '../kubernetes/accepted-revisions.ts';
import { ApiClient } from '../kubernetes/api-client.ts';
import { ApiError, isNotFound } from '../kubernetes/api-error.ts';
import { ListWatch } from '../kubernetes/list-watch.ts';
import {
  type KubernetesObject,
  objectKey,
  type PolicyObject,
  type RevisionObject,
} from '../kubernetes/objects.ts';
import {
  CONTROLLER_REVISIONS,
  collectionPath,
  ENDPOINT_SLICES,
  MESH_POLICIES,
  NAMESPACES,
  PODS,
  REFERENCE_GRANTS,
  type Resource,
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
import { type ReadMesh, settingsOf } from './read-mesh.ts';

type Pod = V1Pod & KubernetesObject;

/** With the user's own rights, each resource listed once; no operator need be running. */
export async function readKubernetes(source: Extract<MeshSource, { type: 'Kubernetes' }>): Promise<ReadMesh> {
  const kubeConfig = kubeConfigOf(source);
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  const api = new ApiClient(kubeConfig);
  const all = <T extends KubernetesObject>(resource: Resource, labelSelector?: string) =>
    listAll<T>(api, resource, server, labelSelector);
  try {
    const [pods, services, slices, policies, revisions, grants, namespaces] = await Promise.all([
      all<Pod>(PODS),
      all<V1Service & KubernetesObject>(SERVICES),
      all<V1EndpointSlice & KubernetesObject>(ENDPOINT_SLICES),
      all<PolicyObject>(MESH_POLICIES).catch(notInstalled),
      all<RevisionObject>(CONTROLLER_REVISIONS, LABEL_ACCEPTED_POLICY),
      // Without Gateway API nobody has consented to anything.
      all(REFERENCE_GRANTS).catch(noneIfNotFound),
      // Only a finding or two need them, and not everybody may list them.
      all(NAMESPACES).catch(() => []),
    ]);
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
      injectedNamespaces: new Set(namespaces.filter(isInjected).map(({ metadata }) => metadata?.name ?? '')),
      uninjectable: new Set(pods.filter(isUninjectable).flatMap((pod) => objectKey(pod) ?? [])),
      problems: [],
      positions: new Map(),
    };
  } finally {
    api.close();
  }
}

function kubeConfigOf({ kubeconfig, context }: Extract<MeshSource, { type: 'Kubernetes' }>): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new AnalysisError(`the kubeconfig cannot be read: ${describeError(error)}`, { usage: true });
  }
  if (context === undefined) return config;
  if (config.getContextObject(context) === null) {
    const known = config.getContexts().map(({ name }) => name);
    const hint = known.length === 0 ? 'the kubeconfig has none' : `there are ${known.join(', ')}`;
    throw new AnalysisError(`there is no context ${context}`, { usage: true, hint });
  }
  config.setCurrentContext(context);
  return config;
}

const TIMEOUT_MS = 120_000;

async function listAll<T extends KubernetesObject>(
  api: ApiClient,
  resource: Resource,
  server: string,
  labelSelector: string | undefined,
): Promise<T[]> {
  const where = { path: collectionPath(resource), ...(labelSelector !== undefined && { labelSelector }) };
  const items: T[] = [];
  try {
    const pages = new ListWatch<T>(api, where, systemClock).list(AbortSignal.timeout(TIMEOUT_MS));
    for await (const page of pages) items.push(...page.items);
    return items;
  } catch (error) {
    throw isNotFound(error) ? error : refusalOf(error, resource, server);
  }
}

function refusalOf(error: unknown, { group, plural }: Resource, server: string): AnalysisError {
  const name = group === '' ? plural : `${plural}.${group}`;
  if (error instanceof ApiError && error.status === 403) {
    const hint = `what this needs: get and list of pods, services, endpointslices, meshpolicies, controllerrevisions and referencegrants in all namespaces`;
    return new AnalysisError(`you may not list ${name} in all namespaces`, { hint });
  }
  if (error instanceof ApiError && error.status === 401) {
    return new AnalysisError(`${server} does not take the credentials of the kubeconfig`);
  }
  const hint =
    'kubectl get nodes should work with the same --context and --kubeconfig; --folder DIR needs no cluster';
  return new AnalysisError(`${name} cannot be read from ${server}: ${describeError(error)}`, { hint });
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

import {
  ANNOTATION_PROXY,
  ANNOTATION_STATUS,
  CONTAINER_INIT,
  CONTAINER_SIDECAR,
  LABEL_INJECTED,
} from '../api/names.ts';
import { type Injection, initContainer, type OwnContainer, sidecarContainer } from './containers.ts';
import { includes, type PatchOperation, pointer } from './json-patch.ts';
import { annotation, type Container, type Pod } from './pod.ts';
import { OWN_VOLUMES, ownVolumes } from './volumes.ts';

/**
 * Makes the patch that injects a pod. Containers and volumes of ours that are there already, from an earlier
 * invocation for the same pod or from a copied manifest, are replaced: what they are is for the installation to
 * say. Everything else keeps its place. Applied to its own result it is empty.
 */
export function injectionPatch(pod: Pod, injection: Injection): PatchOperation[] {
  return [
    ...metadataOperations(pod, injection),
    ...volumeOperations(pod, injection.proxyId),
    ...containerOperations(pod, injection),
  ];
}

/** Which container kubectl logs and exec mean when none is named. */
const ANNOTATION_DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

function metadataOperations(pod: Pod, injection: Injection): PatchOperation[] {
  const annotations = {
    [ANNOTATION_PROXY]: injection.proxyId,
    [ANNOTATION_STATUS]: statusText(injection),
    ...defaultContainer(pod),
  };
  const operations = [
    ...entryOperations('annotations', pod.metadata?.annotations, annotations),
    ...entryOperations('labels', pod.metadata?.labels, { [LABEL_INJECTED]: 'true' }),
  ];
  return operations.length === 0 ? [] : [...ensure(pod.metadata, ['metadata'], {}), ...operations];
}

/** The author's own choice stays; without one it is the first container that is the author's. */
function defaultContainer(pod: Pod): Readonly<Record<string, string>> {
  const [first] = pod.spec.containers;
  const isChosen = annotation(pod, ANNOTATION_DEFAULT_CONTAINER) !== undefined;
  return isChosen || first === undefined ? {} : { [ANNOTATION_DEFAULT_CONTAINER]: first.name };
}

type Entries = Readonly<Record<string, string>>;

function entryOperations(
  field: 'annotations' | 'labels',
  present: Entries | null | undefined,
  wanted: Entries,
): PatchOperation[] {
  const changed = Object.entries(wanted).filter(([name, value]) => present?.[name] !== value);
  if (changed.length === 0) return [];
  return [
    ...ensure(present, ['metadata', field], {}),
    ...changed.map(([name, value]) => add(['metadata', field, name], value)),
  ];
}

function statusText({ options }: Injection): string {
  return JSON.stringify({
    image: options.image,
    initContainers: [CONTAINER_INIT, CONTAINER_SIDECAR],
    volumes: OWN_VOLUMES,
  });
}

function volumeOperations(pod: Pod, proxyId: string): PatchOperation[] {
  const present = pod.spec.volumes ?? [];
  const operations = ownVolumes(proxyId).flatMap((volume): PatchOperation[] => {
    const index = present.findIndex(({ name }) => name === volume.name);
    if (index < 0) return [add(['spec', 'volumes', '-'], volume)];
    if (includes(present[index], volume)) return [];
    return [{ op: 'replace', path: pointer('spec', 'volumes', index), value: volume }];
  });
  return operations.length === 0 ? [] : [...ensure(pod.spec.volumes, ['spec', 'volumes'], []), ...operations];
}

/**
 * Ours stand first and together, wherever other webhooks put theirs: the init container before anything that
 * uses the network, the sidecar before anything that needs it.
 */
function containerOperations(pod: Pod, injection: Injection): PatchOperation[] {
  const present = pod.spec.initContainers ?? [];
  const wanted = [initContainer(injection), sidecarContainer(injection)].map((container) =>
    withDefaults(
      container,
      present.find(({ name }) => name === container.name),
    ),
  );
  const own = present.flatMap(({ name }, index) =>
    name === CONTAINER_INIT || name === CONTAINER_SIDECAR ? [index] : [],
  );
  const inPlace = own.length === wanted.length && wanted.every((item, i) => includes(present[i], item));
  if (inPlace) return [];
  return [
    ...ensure(pod.spec.initContainers, ['spec', 'initContainers'], []),
    // From the end, so that earlier positions stay true.
    ...own.reverse().map(
      (index): PatchOperation => ({
        op: 'remove',
        path: pointer('spec', 'initContainers', index),
      }),
    ),
    ...wanted.map((container, index) => add(['spec', 'initContainers', index], container)),
  ];
}

/**
 * A LimitRange gives defaults to containers of ours after the first invocation, and no second time: what it gave, where
 * we give nothing, stays. Without it a quota may refuse the pod.
 */
function withDefaults(container: OwnContainer, earlier: Container | undefined): OwnContainer {
  const { requests, limits } = container.resources;
  const all = {
    requests: { ...earlier?.resources?.requests, ...requests },
    limits: { ...earlier?.resources?.limits, ...limits },
  };
  const given = Object.entries(all).filter(([, amounts]) => Object.keys(amounts).length > 0);
  return { ...container, resources: Object.fromEntries(given) };
}

/** Parents have to exist before anything can be added to them. */
function ensure(present: unknown, path: readonly string[], empty: object): PatchOperation[] {
  return present === undefined || present === null ? [add(path, empty)] : [];
}

function add(path: readonly (string | number)[], value: unknown): PatchOperation {
  return { op: 'add', path: pointer(...path), value };
}

import type { V1EndpointSlice, V1Pod, V1Service } from '@kubernetes/client-node';
import type { Clock } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import type { Change } from '../mesh/model.ts';
import type { AcceptedRevisions } from './accepted-revisions.ts';
import type { ApiClient } from './api-client.ts';
import { ListWatch } from './list-watch.ts';
import type { GrantObject, KubernetesObject, PolicyObject, RevisionObject } from './objects.ts';
import { type ObjectChange, Reflector, type ReflectorTimings } from './reflector.ts';
import {
  CONTROLLER_REVISIONS,
  collectionPath,
  ENDPOINT_SLICES,
  MESH_POLICIES,
  PODS,
  REFERENCE_GRANTS,
  type Resource,
  SERVICES,
} from './resources.ts';
import type { PolicyStatuses } from './status.ts';
import { LABEL_ACCEPTED_POLICY } from './translate/accepted-revision.ts';
import { translateEndpointSlice } from './translate/endpoint-slice.ts';
import { translatePod } from './translate/pod.ts';
import { translatePolicy } from './translate/policy.ts';
import { translateReferenceGrant } from './translate/reference-grant.ts';
import { translateService } from './translate/service.ts';

export interface WatchesOptions {
  readonly api: ApiClient;
  readonly statuses: PolicyStatuses;
  readonly revisions: AcceptedRevisions;
  readonly apply: (changes: readonly Change[]) => void;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timings: ReflectorTimings;
}

type Stoppable = Pick<Reflector<KubernetesObject>, 'start' | 'stop' | 'synced'>;

/** Everything the operator watches, as changes of the model. Secrets are not among it. */
export function createWatches(options: WatchesOptions): Stoppable[] {
  const { apply, statuses, revisions } = options;
  return [
    reflect<V1Pod & KubernetesObject>(options, PODS, undefined, (changes) => {
      apply(
        changes.map(({ key, object }) => ({ kind: 'Workload', key, value: read(translatePod, key, object) })),
      );
    }),
    reflect<V1Service & KubernetesObject>(options, SERVICES, undefined, (changes) => {
      apply(
        changes.map(({ key, object }) => ({
          kind: 'Service',
          key,
          value: read(translateService, key, object),
        })),
      );
    }),
    reflect<V1EndpointSlice & KubernetesObject>(options, ENDPOINT_SLICES, undefined, (changes) => {
      apply(
        changes.map(({ key, object }) => ({
          kind: 'EndpointSlice',
          key,
          value: read(translateEndpointSlice, key, object),
        })),
      );
    }),
    reflect<PolicyObject>(options, MESH_POLICIES, undefined, (changes) => {
      for (const { key, object } of changes) statuses.observe(key, object);
      const stored = changes.flatMap(({ key, object }) =>
        revisions.observePolicy(key, object?.metadata?.uid),
      );
      apply([
        ...stored,
        ...changes.map(
          ({ key, object }) => ({ kind: 'Policy', key, value: read(translatePolicy, key, object) }) as const,
        ),
      ]);
    }),
    reflect<GrantObject>(options, REFERENCE_GRANTS, undefined, (changes) => {
      apply(
        changes.map(({ key, object }) => ({
          kind: 'ReferenceGrant',
          key,
          value: read(translateReferenceGrant, key, object),
        })),
      );
    }),
    reflect<RevisionObject>(options, CONTROLLER_REVISIONS, LABEL_ACCEPTED_POLICY, (changes) => {
      apply(revisions.observe(changes));
    }),
  ];

  /** What cannot be read counts as absent: one strange object must not hold up all the others. */
  function read<T, V>(translate: (object: T) => V | undefined, key: string, object: T | undefined) {
    try {
      return object === undefined ? undefined : translate(object);
    } catch (error) {
      options.log.error({ key, error: describeError(error) }, 'an object could not be read');
      return undefined;
    }
  }
}

function reflect<T extends KubernetesObject>(
  { api, log, clock, random, timings }: WatchesOptions,
  resource: Resource,
  labelSelector: string | undefined,
  deliver: (changes: readonly ObjectChange<T>[]) => void,
): Stoppable {
  const where = { path: collectionPath(resource), ...(labelSelector === undefined ? {} : { labelSelector }) };
  const source = new ListWatch<T>(api, where, clock);
  const isOptional = resource === REFERENCE_GRANTS;
  return new Reflector<T>({
    ...{ name: resource.plural, source, deliver, log, clock, random, timings, isOptional },
  });
}

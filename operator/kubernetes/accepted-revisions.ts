import type { AcceptedRevision, Change } from '../mesh/model.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound } from './api-error.ts';
import type { ObjectMeta, RevisionObject } from './objects.ts';
import type { ObjectChange } from './reflector.ts';
import { CONTROLLER_REVISIONS, namespacedPath, objectPath } from './resources.ts';
import { LABEL_ACCEPTED_POLICY, ownerReferenceTo, translateRevision } from './translate/accepted-revision.ts';

const NAME_MAX_LENGTH = 253;

interface Stored {
  readonly revision: AcceptedRevision;
  readonly metadata: ObjectMeta;
}

/**
 * The last accepted spec of each policy, kept in ControllerRevisions the policy owns. A ControllerRevision's
 * data cannot be changed, so each accepted generation is a new object, and the older ones are deleted once it
 * is there: at every moment at least one exists. Of several the newest generation of the policy counts.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/controller-revision-v1/
 */
export class AcceptedRevisions {
  readonly #api: ApiClient;
  /** policy key → key of the ControllerRevision → what it holds */
  readonly #stored = new Map<string, Map<string, Stored>>();
  /** key of the ControllerRevision → policy key */
  readonly #policyOf = new Map<string, string>();
  /** policy key → uid of the policy that has this name now */
  readonly #currentUid = new Map<string, string>();

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Takes what the watch delivers and answers with what changed for the model. */
  observe(changes: readonly ObjectChange<RevisionObject>[]): Change[] {
    const touched = new Set<string>();
    for (const { key, object } of changes) {
      const before = this.#policyOf.get(key);
      if (before !== undefined) touched.add(before);
      this.#forget(key);
      const revision = object && translateRevision(object);
      if (revision === undefined) continue;
      touched.add(revision.key);
      this.#remember(key, { revision, metadata: object?.metadata ?? {} });
    }
    return [...touched].map((policyKey) => this.#change(policyKey));
  }

  /** A policy deleted and made anew under the same name does not inherit what the old one had accepted. */
  observePolicy(policyKey: string, uid: string | undefined): Change[] {
    if (this.#currentUid.get(policyKey) === uid) return [];
    if (uid === undefined) this.#currentUid.delete(policyKey);
    else this.#currentUid.set(policyKey, uid);
    return this.#stored.has(policyKey) ? [this.#change(policyKey)] : [];
  }

  /** Stores the revision unless this or a newer one is there, then removes the older ones. */
  async store(revision: AcceptedRevision): Promise<void> {
    const known = this.#ofUid(revision.key, revision.uid);
    const newest = Math.max(0, ...known.map((stored) => stored.revision.generation));
    try {
      if (newest < revision.generation) await this.#create(revision);
    } catch (error) {
      if (isNamespaceTerminating(error) || isNotFound(error)) return;
      throw error;
    }
    const keep = Math.max(newest, revision.generation);
    const outdated = known.filter((stored) => stored.revision.generation < keep);
    await Promise.all(outdated.map((stored) => this.#delete(stored.metadata)));
  }

  async #create(revision: AcceptedRevision): Promise<void> {
    const [namespace = '', policyName = ''] = revision.key.split('/');
    const metadata = {
      name: revisionName(policyName, revision),
      namespace,
      labels: { [LABEL_ACCEPTED_POLICY]: revision.uid },
      ownerReferences: [ownerReferenceTo(policyName, revision.uid)],
    };
    const body = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata,
      data: revision.spec,
      revision: revision.generation,
    };
    try {
      await this.#api.request('POST', namespacedPath(CONTROLLER_REVISIONS, namespace), { body });
    } catch (error) {
      // Same policy, same generation: same spec.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #delete({ namespace, name, uid }: ObjectMeta): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
    try {
      await this.#api.request('DELETE', objectPath(CONTROLLER_REVISIONS, namespace, name ?? ''), { body });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  #remember(key: string, stored: Stored): void {
    const policyKey = stored.revision.key;
    this.#policyOf.set(key, policyKey);
    const all = this.#stored.get(policyKey) ?? new Map<string, Stored>();
    this.#stored.set(policyKey, all.set(key, stored));
  }

  #forget(key: string): void {
    const policyKey = this.#policyOf.get(key);
    if (policyKey === undefined) return;
    this.#policyOf.delete(key);
    const all = this.#stored.get(policyKey);
    all?.delete(key);
    if (all?.size === 0) this.#stored.delete(policyKey);
  }

  #change(policyKey: string): Change {
    const candidates = this.#ofUid(policyKey, this.#currentUid.get(policyKey));
    const value = candidates
      .map((stored) => stored.revision)
      .reduce<AcceptedRevision | undefined>(
        (best, next) => (best && best.generation >= next.generation ? best : next),
        undefined,
      );
    return { kind: 'AcceptedRevision', key: policyKey, value };
  }

  /** uid undefined: the policy is not known (yet), so whatever there is. */
  #ofUid(policyKey: string, uid: string | undefined): Stored[] {
    const all = [...(this.#stored.get(policyKey)?.values() ?? [])];
    return uid === undefined ? all : all.filter((stored) => stored.revision.uid === uid);
  }
}

/** `weft-<policy>-<uid8>-<generation>`; a long policy name is cut, the rest keeps it unique. */
export function revisionName(policyName: string, { uid, generation }: AcceptedRevision): string {
  const end = `-${uid.slice(0, 8)}-${generation}`;
  const start = `weft-${policyName}`.slice(0, NAME_MAX_LENGTH - end.length).replace(/[.-]+$/, '');
  return start + end;
}

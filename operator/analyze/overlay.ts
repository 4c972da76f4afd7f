import type { PlannedPolicy } from '../../api/analysis.ts';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { acceptanceOf, effective } from '../compile/effective.ts';
import { keepInForce } from '../compile/keep-in-force.ts';
import { isSame } from '../compile/leaf.ts';
import { referencesOf } from '../compile/references.ts';
import type { Dirty } from '../mesh/dirty.ts';
import { Mesh } from '../mesh/mesh.ts';
import type { Change, Policy } from '../mesh/model.ts';
import { keyOf } from '../sources/workload-document.ts';
import { AnalysisError } from './analysis-error.ts';
import type { PolicyDocuments } from './policy-documents.ts';
import type { ReadMesh } from './read-mesh.ts';
import { keyOf as qualified } from './subjects.ts';

/** A mesh as it is and as it would be. */
export interface Overlay {
  readonly before: Mesh;
  readonly after: Mesh;
  /** what may differ between them */
  readonly dirty: Dirty;
  readonly policies: readonly PlannedPolicy[];
}

export interface Edits {
  readonly documents: PolicyDocuments;
  /** names of policies, with or without namespace */
  readonly deletes: readonly string[];
}

/** Pure. Throws AnalysisError where what is to be deleted is not there. */
export function overlay(read: ReadMesh, { documents, deletes }: Edits, nowMs: number): Overlay {
  const before = meshOf(read);
  const after = meshOf(read);
  const written = documents.policies.map(({ document, position }) => ({
    ...{ position, edit: editOf(before, document, nowMs) },
  }));
  const deleted = deletes.map((name) => deletionOf(before, qualified(name, read.namespace)));
  const twice = deleted.find(({ key }) => written.some(({ edit }) => edit.key === key));
  if (twice !== undefined) {
    throw new AnalysisError(`${twice.key} is both in a file and to be deleted`, { usage: true });
  }
  const dirty = after.apply(
    [...written.map(({ edit }) => edit), ...deleted].flatMap(({ changes }) => changes),
  );
  return {
    ...{ before, after, dirty },
    policies: [
      ...written.map(({ edit, position: { file, line } }) => ({ ...planned(after, edit), file, line })),
      ...deleted.map(({ key }) => ({ policy: key, action: 'Delete' as const })),
    ],
  };
}

function meshOf({ settings, changes }: ReadMesh): Mesh {
  const mesh = new Mesh(settings);
  mesh.apply(changes);
  return mesh;
}

interface Edit {
  readonly key: string;
  readonly action: PlannedPolicy['action'];
  readonly changes: readonly Change[];
}

function editOf(mesh: Mesh, document: MeshPolicy, nowMs: number): Edit {
  const key = keyOf(document);
  const known = mesh.policy(key);
  if (known === undefined) return { key, action: 'Create', changes: [set(created(document, nowMs))] };
  if (isSame(known.spec, document.spec)) return { key, action: 'Nothing', changes: [] };
  const changed: Policy = { ...known, generation: known.generation + 1, spec: document.spec };
  return { key, action: 'Change', changes: keepInForce(mesh, [set(changed)]) };
}

/** The youngest of all, so that it loses against those that are as specific. */
function created(document: MeshPolicy, nowMs: number): Policy {
  const { name, namespace = '' } = document.metadata;
  const key = keyOf(document);
  const createdAt = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  return { ...{ key, namespace, name, uid: `new ${key}`, generation: 1, createdAt }, spec: document.spec };
}

function deletionOf(mesh: Mesh, key: string): Edit {
  if (mesh.policy(key) === undefined) {
    const known = mesh.policiesOf(key.slice(0, key.indexOf('/'))).map((policy) => policy.key);
    const hint = known.length === 0 ? 'its namespace has no policies' : `there are ${known.join(', ')}`;
    throw new AnalysisError(`there is no MeshPolicy ${key} to delete`, { usage: true, hint });
  }
  return {
    ...{ key, action: 'Delete' },
    changes: [
      { kind: 'Policy', key, value: undefined },
      { kind: 'AcceptedRevision', key, value: undefined },
    ],
  };
}

function set(policy: Policy): Change {
  return { kind: 'Policy', key: policy.key, value: policy };
}

function planned(after: Mesh, { key, action }: Edit): PlannedPolicy {
  const policy = after.policy(key)!;
  const { accepted: isAccepted, reason, message } = acceptanceOf(after, policy);
  if (!isAccepted) {
    const inForce = effective(after, policy)?.generation;
    return { policy: key, action, refusal: { reason, message, ...(inForce !== undefined && { inForce }) } };
  }
  const references = referencesOf(after, policy);
  if (references.status !== 'False') return { policy: key, action };
  return { policy: key, action, unresolved: { reason: references.reason, message: references.message } };
}

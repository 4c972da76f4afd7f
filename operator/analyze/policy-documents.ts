import type { DocumentProblem, DocumentText } from '../../api/analysis.ts';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { validateMeshPolicy } from '../../api/validate.ts';
import { collect } from '../sources/collect.ts';
import { type Problem, readDocuments } from '../sources/documents.ts';
import { type Position, positionOf } from '../sources/position.ts';

export interface PolicyDocuments {
  /** those that the API server would take */
  readonly policies: readonly { readonly document: MeshPolicy; readonly position: Position }[];
  readonly problems: readonly DocumentProblem[];
}

/**
 * Pure. Policies as somebody is about to apply them. One with a problem is left out, as the API server would
 * refuse it; so are documents of other kinds, which often stand in the same file.
 * @param namespace of documents that name none
 */
export function readPolicyDocuments(files: readonly DocumentText[], namespace: string): PolicyDocuments {
  const { policies, problems } = collect(files.map(({ file, text }) => readDocuments(text, file, namespace)));
  const found = problems.map(documentProblem);
  const all = policies.map((document) => ({ document, position: positionOf(document) }));
  return {
    policies: all.filter(({ document }) => validateMeshPolicy(document).length === 0),
    problems: found,
  };
}

export function documentProblem({ file, line, message, isForeign }: Problem): DocumentProblem {
  return { file, line, message: message.replace(FOLLOWED, ''), ...(isForeign && { foreign: true }) };
}

/** What is said where files are followed. */
const FOLLOWED = /; until then what the file said before counts$/;

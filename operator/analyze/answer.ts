import type { Answer, DocumentProblem, Question } from '../../api/analysis.ts';
import { Mesh } from '../mesh/mesh.ts';
import { AnalysisError } from './analysis-error.ts';
import { check } from './check/check.ts';
import { explain } from './explain.ts';
import { plan } from './plan.ts';
import { readPolicyDocuments } from './policy-documents.ts';
import type { ReadMesh } from './read-mesh.ts';

/** Pure. Throws AnalysisError, which names a document that cannot be read where something is not found. */
export function answer(question: Question, found: ReadMesh, nowMs: number): Answer {
  try {
    return answered(question, found, nowMs);
  } catch (error) {
    const [first, ...others] = invalidIn(found).invalid ?? [];
    if (!(error instanceof AnalysisError) || first === undefined) throw error;
    const { usage, message, hint } = error;
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    const wrong = `it may be in what is not valid: ${first.file}:${first.line}: ${first.message}${more}`;
    throw new AnalysisError(message, { usage, hint: hint === undefined ? wrong : `${hint}\n${wrong}` });
  }
}

function answered(question: Question, found: ReadMesh, nowMs: number): Answer {
  const namespace = question.namespace ?? found.namespace;
  const read: ReadMesh = { ...found, namespace };
  const { about } = question;
  if (about.type === 'Explain') {
    const mesh = new Mesh(read.settings);
    mesh.apply(read.changes);
    const explanation = explain(mesh, about.subject, namespace);
    return { type: 'Explanation', explanation: { ...explanation, ...invalidIn(read) } };
  }
  const documents = readPolicyDocuments(question.documents ?? [], namespace);
  if (about.type === 'Plan') {
    const planned = plan(read, { ...about, documents, deletes: question.deletes ?? [] }, nowMs);
    return { type: 'Plan', plan: { ...planned, ...invalidIn(read) } };
  }
  return { type: 'Findings', findings: check(read, { ...about, documents }, nowMs) };
}

function invalidIn({ problems }: ReadMesh): { readonly invalid?: readonly DocumentProblem[] } {
  const invalid = problems.filter(({ foreign }) => !foreign);
  return invalid.length === 0 ? {} : { invalid };
}

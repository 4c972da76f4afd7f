import type { Answer, Question } from '../../api/analysis.ts';
import { Mesh } from '../mesh/mesh.ts';
import { check } from './check/check.ts';
import { explain } from './explain.ts';
import { plan } from './plan.ts';
import { readPolicyDocuments } from './policy-documents.ts';
import type { ReadMesh } from './read-mesh.ts';

/** Pure. Throws AnalysisError. */
export function answer(question: Question, found: ReadMesh, nowMs: number): Answer {
  const namespace = question.namespace ?? found.namespace;
  const read: ReadMesh = { ...found, namespace };
  const { about } = question;
  if (about.type === 'Explain') {
    const mesh = new Mesh(read.settings);
    mesh.apply(read.changes);
    return { type: 'Explanation', explanation: explain(mesh, about.subject, namespace) };
  }
  const documents = readPolicyDocuments(question.documents ?? [], namespace);
  if (about.type === 'Plan') {
    return {
      type: 'Plan',
      plan: plan(read, { ...about, documents, deletes: question.deletes ?? [] }, nowMs),
    };
  }
  return { type: 'Findings', findings: check(read, { ...about, documents }, nowMs) };
}

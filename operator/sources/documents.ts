import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { type ValidationProblem, validateMeshPolicy, validateWorkload } from '../../api/validate.ts';
import type { WorkloadDocument } from '../../api/workload.ts';

/** What one file says. */
export interface FileContent {
  readonly policies: readonly MeshPolicy[];
  readonly workloads: readonly WorkloadDocument[];
  readonly problems: readonly Problem[];
  /** false: not even YAML, so that nothing is known of what is in it */
  readonly isReadable: boolean;
}
/** For people, as compilers say it: `file:line: message`. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const DOCUMENTS_MAX = 1000;
const ALIASES_MAX = 100;
const DEFAULT_NAMESPACE = 'default';

/** Pure. YAML 1.2, in which `on` and `no` are texts. Documents of other kinds are reported and left out. */
export function readDocuments(text: string, file: string): FileContent {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, version: '1.2', uniqueKeys: true });
  const policies: MeshPolicy[] = [];
  const workloads: WorkloadDocument[] = [];
  const problems: Problem[] = [];
  if (!Array.isArray(documents)) return { policies, workloads, problems, isReadable: true };
  const broken = documents.flatMap((document) => document.errors);
  if (broken.length > 0 || documents.length > DOCUMENTS_MAX) {
    const [error] = broken;
    const line = error === undefined ? 1 : lines.linePos(error.pos[0]).line;
    const message = error?.message.split('\n')[0] ?? `more than ${DOCUMENTS_MAX} documents`;
    return { policies, workloads, problems: [{ file, line, message }], isReadable: false };
  }
  for (const document of documents) {
    const report = (path: readonly (string | number)[], message: string) =>
      problems.push({ file, line: lineOf(document, path, lines), message });
    const value = toValue(document, report);
    if (value === undefined) continue;
    if (value.kind === 'MeshPolicy') policies.push(...policyOf(value, report));
    else if (value.kind === 'Workload') workloads.push(...workloadOf(value, report));
    else report(['kind'], 'kind must be MeshPolicy or Workload');
  }
  return { policies, workloads, problems, isReadable: true };
}

type Report = (path: readonly (string | number)[], message: string) => void;

function toValue(document: Document.Parsed, report: Report): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch {
    report([], `more than ${ALIASES_MAX} aliases`);
    return undefined;
  }
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  report([], 'a document must be a mapping with apiVersion, kind, metadata and spec');
  return undefined;
}

/**
 * A policy that has a name is passed on however wrong its spec is: the operator says so in its status, and what
 * it said before stays in force.
 */
function policyOf(value: Record<string, unknown>, report: Report): MeshPolicy[] {
  const found = validateMeshPolicy(value);
  reportAll(found, report);
  if (found.some(({ path }) => !/^spec($|[.[])/.test(path))) return [];
  const policy = value as unknown as MeshPolicy;
  return [
    {
      ...policy,
      metadata: { ...policy.metadata, namespace: policy.metadata.namespace ?? DEFAULT_NAMESPACE },
    },
  ];
}

function workloadOf(value: Record<string, unknown>, report: Report): WorkloadDocument[] {
  const found = validateWorkload(value);
  reportAll(found, report);
  return found.length > 0 ? [] : [value as unknown as WorkloadDocument];
}

function reportAll(found: readonly ValidationProblem[], report: Report): void {
  for (const { path, message } of found)
    report(segmentsOf(path), path === '' ? message : `${path}: ${message}`);
}

/** `spec.rules[0].name` → spec, rules, 0, name. A key in quotes ends the way: its map is near enough. */
function segmentsOf(path: string): (string | number)[] {
  const [plain = ''] = path.split('["');
  return plain
    .split(/[.[\]]/)
    .filter((segment) => segment !== '')
    .map((segment) => (/^[0-9]+$/.test(segment) ? Number(segment) : segment));
}

/** The line of the deepest node on the way that exists. */
function lineOf(document: Document.Parsed, path: readonly (string | number)[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

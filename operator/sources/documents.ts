import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { API_VERSION } from '../../api/names.ts';
import { type ValidationProblem, validateMeshPolicy, validateWorkload } from '../../api/validate.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import type { ReferenceGrant } from '../mesh/model.ts';
import { GRANT_API_VERSIONS, grantOf } from './grant-document.ts';
import { type Position, remember } from './position.ts';

/** What one file says. */
export interface FileContent {
  readonly policies: readonly MeshPolicy[];
  readonly workloads: readonly WorkloadDocument[];
  readonly grants: readonly ReferenceGrant[];
  readonly problems: readonly Problem[];
  /** false: not even YAML, so that nothing is known of what is in it */
  readonly isReadable: boolean;
}
/** For people, as compilers say it: `file:line: message`. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** the document is somebody else's and is not missed */
  readonly isForeign?: true;
}

const API_GROUP_PREFIX = API_VERSION.replace(/[^/]*$/, '');
const NAME_SHOWN_MAX = 100;
const DOCUMENTS_MAX = 1000;
const ALIASES_MAX = 100;
const DEFAULT_NAMESPACE = 'default';

/**
 * Pure. YAML 1.2, in which `on` and `no` are texts. Documents of other kinds are reported and left out.
 * @param defaultNamespace of documents that name none
 */
export function readDocuments(
  text: string,
  file: string,
  defaultNamespace: string = DEFAULT_NAMESPACE,
): FileContent {
  const lines = new LineCounter();
  // The parser would compare each key of a mapping with all others.
  const documents = parseAllDocuments(text, { lineCounter: lines, version: '1.2', uniqueKeys: false });
  const policies: MeshPolicy[] = [];
  const workloads: WorkloadDocument[] = [];
  const grants: ReferenceGrant[] = [];
  const problems: Problem[] = [];
  const content = { policies, workloads, grants, problems };
  if (!Array.isArray(documents)) return { ...content, isReadable: true };
  const broken = documents.flatMap((document) => [...document.errors, ...repeatedKeys(document)]);
  if (broken.length > 0 || documents.length > DOCUMENTS_MAX) {
    const [error] = broken;
    const line = error === undefined ? 1 : lines.linePos(error.pos[0]).line;
    const message =
      error === undefined ? `more than ${DOCUMENTS_MAX} documents: split the file` : notYaml(error);
    return { ...content, problems: [{ file, line, message }], isReadable: false };
  }
  for (const document of documents) {
    const report = (path: readonly (string | number)[], message: string, isForeign?: true) =>
      problems.push({ file, line: lineOf(document, path, lines), message, ...(isForeign && { isForeign }) });
    const value = toValue(document, report);
    if (value === undefined) continue;
    const position = positionIn(document, lines, file);
    if (value.kind === 'MeshPolicy') policies.push(...policyOf(value, defaultNamespace, report, position));
    else if (value.kind === 'Workload') workloads.push(...workloadOf(value, report, position));
    else if (isGrant(value)) {
      const grant = grantOf(value, defaultNamespace, report);
      if (grant !== undefined) grants.push(remember(grant, position));
    } else problems.push({ file, line: lineOf(document, ['kind'], lines), ...unknown(value) });
  }
  return { ...content, isReadable: true };
}

function isGrant({ apiVersion, kind }: Record<string, unknown>): boolean {
  return kind === 'ReferenceGrant' && GRANT_API_VERSIONS.includes(String(apiVersion));
}

interface Broken {
  readonly message: string;
  /** offsets in the text */
  readonly pos: readonly [from: number, ...others: number[]];
}

/** The first mapping that says something twice: YAML 1.2.2, section 3.2.1.3. */
function repeatedKeys(document: Document): Broken[] {
  const found: Broken[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value)) {
          found.push({ message: 'Map keys must be unique', pos: [isNode(key) ? (key.range?.[0] ?? 0) : 0] });
          return visit.BREAK;
        }
        seen.add(value);
      }
      return undefined;
    },
  });
  return found;
}

/** The parser's own words, without the place: that stands before them. */
function notYaml({ message }: Broken): string {
  const [said = ''] = message.split('\n');
  const why = said.replace(/ at line \d+, column \d+:?$/, '');
  return `this is not YAML (${why}): mend it; until then what the file said before counts`;
}

function unknown({ apiVersion, kind }: Record<string, unknown>): Pick<Problem, 'message' | 'isForeign'> {
  if (kind === 'ReferenceGrant') {
    return { message: `apiVersion of a ReferenceGrant must be ${GRANT_API_VERSIONS.join(' or ')}` };
  }
  if (typeof apiVersion === 'string' && !apiVersion.startsWith(API_GROUP_PREFIX)) {
    const message = `apiVersion ${printable(apiVersion)} is not ${API_VERSION}: the document is ignored`;
    return { message, isForeign: true };
  }
  if (typeof kind !== 'string') return { message: 'kind is missing: write MeshPolicy or Workload' };
  return { message: `kind ${printable(kind)} is not known: write MeshPolicy or Workload` };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, NAME_SHOWN_MAX);
}

function positionIn(document: Document.Parsed, lines: LineCounter, file: string): Position {
  const line = lineOf(document, [], lines);
  const outbound = document.getIn(['spec', 'outbound'], true);
  const entries = isSeq(outbound) ? outbound.items : [];
  return {
    file,
    line,
    outboundLines: entries.map((_, index) => lineOf(document, ['spec', 'outbound', index], lines)),
    lineOf: (field) => lineOf(document, byIndex(document, segmentsOf(field)), lines),
  };
}

type Report = (path: readonly (string | number)[], message: string, isForeign?: true) => void;

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
function policyOf(
  value: Record<string, unknown>,
  defaultNamespace: string,
  report: Report,
  position: Position,
): MeshPolicy[] {
  const found = validateMeshPolicy(value);
  reportAll(found, report);
  if (found.some(({ path }) => !/^spec($|[.[])/.test(path))) return [];
  const policy = value as unknown as MeshPolicy;
  const namespace = policy.metadata.namespace ?? defaultNamespace;
  return [remember({ ...policy, metadata: { ...policy.metadata, namespace } }, position)];
}

function workloadOf(value: Record<string, unknown>, report: Report, position: Position): WorkloadDocument[] {
  const found = validateWorkload(value);
  reportAll(found, report);
  return found.length > 0 ? [] : [remember(value as unknown as WorkloadDocument, position)];
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

/** Items of a list may be named instead of counted, `rules[web-reads]`; what is not found ends the way. */
function byIndex(document: Document.Parsed, path: readonly (string | number)[]): (string | number)[] {
  const found: (string | number)[] = [];
  for (const segment of path) {
    const node = document.getIn(found, true);
    const isName = isSeq(node) && typeof segment === 'string';
    const index = isName ? node.items.findIndex((item) => isMap(item) && item.get('name') === segment) : 0;
    if (index === -1) return found;
    found.push(isName ? index : segment);
  }
  return found;
}

/** The line of the deepest node on the way that exists. */
function lineOf(document: Document.Parsed, path: readonly (string | number)[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

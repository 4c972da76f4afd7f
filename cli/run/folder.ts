import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, parseAllDocuments } from 'yaml';
import type { ValidationProblem as Problem } from '../../api/problems.ts';
import { validateWorkload } from '../../api/validate.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { UsageError } from '../usage-error.ts';
import { keyOf, proxyId } from './workload-place.ts';

/** A DNS label: it stands in the certificate. */
const PROXY_ID_MAX_LENGTH = 63;

interface Found {
  readonly workload: WorkloadDocument;
  /** `file:line` */
  readonly place: string;
}

/**
 * The Workload documents of a folder, sorted by file name. Policies in it are the operator's business. Throws
 * UsageError for all that the operator would leave out: its sidecar would wait for it in vain.
 */
export async function readWorkloads(folder: string): Promise<WorkloadDocument[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') throw new UsageError(`${folder} is a file`, 'name the folder it is in');
    throw new UsageError(
      `${folder} is not a folder that can be read`,
      'name a folder with Workload and MeshPolicy documents',
    );
  });
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  const documents = await Promise.all(files.map((name) => workloadsOf(join(folder, name))));
  const found = documents.flat();
  if (found.length === 0) {
    throw new UsageError(
      `${folder} has no Workload document`,
      'docs/reference/workload.md of Weft shows one',
    );
  }
  refuseUnclear(found);
  return found.map(({ workload }) => workload);
}

/** No two of one name, nor of one proxy id, nor any without room for it in the certificate. */
function refuseUnclear(all: readonly Found[]): void {
  const byProxyId = new Map<string, Found>();
  for (const found of all) {
    const { workload, place } = found;
    const id = proxyId(workload.metadata);
    const first = byProxyId.get(id);
    byProxyId.set(id, found);
    if (first === undefined && id.length <= PROXY_ID_MAX_LENGTH) continue;
    throw new UsageError(`${place}: Workload ${keyOf(workload)} ${whyUnclear(found, first)}`);
  }
}

function whyUnclear({ workload }: Found, first: Found | undefined): string {
  if (first === undefined) {
    return `has a namespace and name too long together: make them at most ${PROXY_ID_MAX_LENGTH - 1} characters`;
  }
  const key = keyOf(first.workload);
  if (key === keyOf(workload)) return `stands at ${first.place} already: rename or remove one of them`;
  return `and ${key} at ${first.place} would share the proxy ${proxyId(workload.metadata)}: rename one of them`;
}

async function workloadsOf(file: string): Promise<Found[]> {
  const text = await readFile(file, 'utf8');
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  const workloads: Found[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) throw new UsageError(`${file}: ${document.errors[0]!.message}`);
    const value: unknown = document.toJS();
    if (!isWorkload(value)) continue;
    const problems = validateWorkload(value);
    if (problems.length > 0) throw new UsageError(describe(file, document, text, problems));
    workloads.push({ workload: value, place: `${file}:${lineOf(document, text)}` });
  }
  return workloads;
}

/** Every problem of one document at once, with where it begins and whose it is. */
function describe(file: string, document: Document, text: string, problems: readonly Problem[]): string {
  const name = document.getIn(['metadata', 'name']);
  const where = `${file}:${lineOf(document, text)}: Workload ${typeof name === 'string' ? name : '(no name)'}`;
  return [where, ...problems.map(({ path, message }) => `  ${path} ${message}`)].join('\n');
}

/** Where the document itself begins, comments before it left out. */
function lineOf(document: Document, text: string): number {
  const start = document.contents?.range?.[0] ?? document.range?.[0] ?? 0;
  return text.slice(0, start).split('\n').length;
}

function isWorkload(value: unknown): value is WorkloadDocument {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'Workload';
}

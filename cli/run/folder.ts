import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, parseAllDocuments } from 'yaml';
import type { ValidationProblem as Problem } from '../../api/problems.ts';
import { validateWorkload } from '../../api/validate.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { UsageError } from '../usage-error.ts';

/** The Workload documents of a folder, sorted by file name. Policies in it are the operator's business. */
export async function readWorkloads(folder: string): Promise<WorkloadDocument[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') throw new UsageError(`${folder} is a file`, 'name the folder it is in');
    throw new UsageError(
      `${folder} is not a folder that can be read`,
      'name a folder with Workload and MeshPolicy documents',
    );
  });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  const documents = await Promise.all(files.map((name) => workloadsOf(join(folder, name))));
  const workloads = documents.flat();
  if (workloads.length === 0) {
    throw new UsageError(
      `${folder} has no Workload document`,
      'docs/reference/workload.md of Weft shows one',
    );
  }
  return workloads;
}

async function workloadsOf(file: string): Promise<WorkloadDocument[]> {
  const text = await readFile(file, 'utf8');
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  const workloads: WorkloadDocument[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) throw new UsageError(`${file}: ${document.errors[0]!.message}`);
    const value: unknown = document.toJS();
    if (!isWorkload(value)) continue;
    const problems = validateWorkload(value);
    if (problems.length > 0) throw new UsageError(describe(file, document, text, problems));
    workloads.push(value);
  }
  return workloads;
}

/** Every problem of one document at once, with where it begins and whose it is. */
function describe(file: string, document: Document, text: string, problems: readonly Problem[]): string {
  const line = text.slice(0, document.range?.[0] ?? 0).split('\n').length;
  const name = document.getIn(['metadata', 'name']);
  const where = `${file}:${line}: Workload ${typeof name === 'string' ? name : '(no name)'}`;
  return [where, ...problems.map(({ path, message }) => `  ${path} ${message}`)].join('\n');
}

function isWorkload(value: unknown): value is WorkloadDocument {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'Workload';
}

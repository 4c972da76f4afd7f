import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { validateWorkload } from '../../api/validate.ts';
import type { WorkloadDocument } from '../../api/workload.ts';
import { UsageError } from '../usage-error.ts';

/** The Workload documents of a folder, sorted by file name. Policies in it are the operator's business. */
export async function readWorkloads(folder: string): Promise<WorkloadDocument[]> {
  const names = await readdir(folder).catch(() => {
    throw new UsageError(
      `${folder} is not a folder that can be read`,
      'name a folder with Workload and MeshPolicy documents',
    );
  });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  const documents = await Promise.all(files.map((name) => workloadsOf(join(folder, name))));
  const workloads = documents.flat();
  if (workloads.length === 0) {
    throw new UsageError(`${folder} has no Workload document`, 'see examples/shop/workloads.yaml for one');
  }
  return workloads;
}

async function workloadsOf(file: string): Promise<WorkloadDocument[]> {
  const documents = parseAllDocuments(await readFile(file, 'utf8'));
  const workloads: WorkloadDocument[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) throw new UsageError(`${file}: ${document.errors[0]!.message}`);
    const value: unknown = document.toJS();
    if (!isWorkload(value)) continue;
    const problems = validateWorkload(value);
    if (problems.length > 0) {
      const { path, message } = problems[0]!;
      throw new UsageError(`${file}: ${path} ${message}`);
    }
    workloads.push(value);
  }
  return workloads;
}

function isWorkload(value: unknown): value is WorkloadDocument {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'Workload';
}

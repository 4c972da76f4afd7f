import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';

const DEFAULT_NAMESPACE = 'default';

export interface PolicyDocument {
  readonly namespace: string;
  readonly name: string;
  readonly spec: MeshPolicySpec;
}
export interface RunDocuments {
  /** by `<namespace>/<name>`; of several of a name the first, which counts */
  readonly policies: ReadonlyMap<string, PolicyDocument>;
  /** for people: what could not be read, and what is left out */
  readonly notes: readonly string[];
}

/** The policies that stand in the folder of a `weft run` now, as far as it can be read. Their specs are not judged. */
export async function readRunDocuments(folder: string): Promise<RunDocuments> {
  const notes: string[] = [];
  const policies = new Map<string, PolicyDocument>();
  for (const file of await filesIn(folder, notes)) {
    for (const document of await policiesOf(file, notes)) {
      const key = `${document.namespace}/${document.name}`;
      if (policies.has(key)) {
        notes.push(
          `${file}: MeshPolicy ${key} is left out: there is one of that name already, remove one of them`,
        );
      } else policies.set(key, document);
    }
  }
  return { policies, notes };
}

async function filesIn(folder: string, notes: string[]): Promise<string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
    return names.map((name) => join(folder, name));
  } catch (error) {
    notes.push(`${folder} cannot be read: ${(error as Error).message}`);
    return [];
  }
}

async function policiesOf(file: string, notes: string[]): Promise<PolicyDocument[]> {
  try {
    const documents = parseAllDocuments(await readFile(file, 'utf8'), { uniqueKeys: false });
    const broken = documents.find(({ errors }) => errors.length > 0)?.errors[0];
    if (broken !== undefined) throw broken;
    return documents.flatMap((document) => policyOf(document.toJS()));
  } catch (error) {
    // Further lines quote the file.
    const [why = ''] = (error as Error).message.split('\n', 1);
    notes.push(`${file}: ${why.replace(/:$/, '')}; what it said before counts`);
    return [];
  }
}

function policyOf(value: unknown): PolicyDocument[] {
  if (typeof value !== 'object' || value === null) return [];
  const { kind, metadata, spec } = value as Record<string, unknown>;
  if (kind !== 'MeshPolicy' || typeof metadata !== 'object' || metadata === null) return [];
  const { namespace = DEFAULT_NAMESPACE, name } = metadata as Record<string, unknown>;
  if (typeof name !== 'string' || typeof namespace !== 'string') return [];
  return [{ namespace, name, spec: spec as MeshPolicySpec }];
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { findBinary } from '../cluster/binaries.ts';
import { type CommandResult, run } from '../cluster/command.ts';

export const chartDirectory = join(import.meta.dirname, '../../helm/weft');
export const NAMESPACE = 'weft-system';

/** Both majors are in use: 3 merges three ways on the client, 4 applies on the server. */
export const HELMS = ['helm3', 'helm4'] as const;
export type Helm = (typeof HELMS)[number];

// Kubernetes objects of any kind: the tests look into them freely.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type KubernetesObject = any;
export type Values = Record<string, unknown>;

/** Runs `helm` with `values` in a file of their own; a non-zero exit is an answer. */
export async function helm(
  version: Helm,
  args: readonly string[],
  values?: Values,
  env: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  const binary = await findBinary(version);
  const home = mkdtempSync(join(tmpdir(), 'weft-helm-'));
  try {
    const file = join(home, 'values.yaml');
    if (values !== undefined) writeFileSync(file, stringify(values));
    const all = values === undefined ? [...args] : [...args, '--values', file];
    return await run(binary, all, {
      env: { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home, ...env },
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The objects that `helm template` writes with the given values; throws what helm says when it refuses. */
export async function render(
  values: Values = {},
  options: { helm?: Helm; args?: readonly string[]; namespace?: string } = {},
): Promise<KubernetesObject[]> {
  const namespace = options.namespace ?? NAMESPACE;
  const args = ['template', 'weft', chartDirectory, '--namespace', namespace, ...(options.args ?? [])];
  const { stdout, stderr, code } = await helm(options.helm ?? 'helm4', args, values);
  if (code !== 0) throw new Error(stderr);
  return parseManifests(stdout);
}

/** Strict: a duplicate key, which helm lets pass, is an error. */
export function parseManifests(text: string): KubernetesObject[] {
  return parseAllDocuments(text, { uniqueKeys: true, version: '1.1' }).flatMap((document) => {
    if (document.errors[0]) throw document.errors[0];
    const object: KubernetesObject = document.toJS();
    return object === null ? [] : [object];
  });
}

/** The one object of that kind and name. */
export function pick(objects: readonly KubernetesObject[], kind: string, name?: string): KubernetesObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found.length !== 1)
    throw new Error(`${found.length} objects of kind ${kind}${name ? ` named ${name}` : ''}`);
  return found[0];
}

export function has(objects: readonly KubernetesObject[], kind: string, name?: string): boolean {
  return objects.some(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
}

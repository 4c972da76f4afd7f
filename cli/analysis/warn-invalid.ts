import type { DocumentProblem, MeshSource } from '../../api/analysis.ts';
import { printable } from './printable.ts';

/** On stderr: what of the mesh's own documents the answer does not go by. */
export function warnInvalid(mesh: MeshSource, invalid: readonly DocumentProblem[] = []): void {
  for (const line of invalidText(mesh, invalid)) console.error(printable(`weft: ${line}`));
}

/** Pure. */
export function invalidText(mesh: MeshSource, invalid: readonly DocumentProblem[]): string[] {
  if (invalid.length === 0) return [];
  const runs = mesh.type === 'Folder' && mesh.state !== undefined;
  return [
    ...invalid.map(({ file, line, message }) => `${file}:${line}: ${message}`),
    runs
      ? 'that is not valid, so not in force: what the running mesh had before it stays in force, and is told here'
      : 'that is not valid, so not in force: this is told without it, since no weft run of the folder runs here',
  ];
}

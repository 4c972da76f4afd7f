import type { Change } from '../../mesh/model.ts';
import { SETTINGS } from '../../testing/builders.ts';
import type { ReadMesh } from '../read-mesh.ts';

/** A mesh as if it had been read. */
export function readOf(...changes: readonly (readonly Change[])[]): ReadMesh {
  return {
    ...{ settings: SETTINGS, changes: changes.flat(), namespace: 'shop', problems: [] },
    ...{ injectedNamespaces: new Set(), uninjectable: new Set(), positions: new Map() },
  };
}

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readFolder } from '../read-folder.ts';
import { check } from './check.ts';

const INVALID = `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: bad, namespace: shop}
spec:
  inbound:
    mtls: {mode: Srtict}
`;

it('a policy of a folder that is not valid is found once, by its name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'weft-check-'));
  try {
    await writeFile(join(folder, 'bad.yaml'), INVALID);
    await writeFile(join(folder, 'none.yaml'), 'a: {');
    const read = await readFolder({
      ...{ type: 'Folder', folder, trustDomain: 'cluster.local', controlPlaneNamespace: 'weft-system' },
    });
    const found = check(read, { documents: { policies: [], problems: [] } }, 0);
    assert.deepEqual(
      found.map(({ code, where: { name, line } }) => [code, name, line]),
      [
        ['DocumentInvalid', join(folder, 'none.yaml'), 1],
        ['NotAccepted', 'shop/bad', 6],
      ],
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

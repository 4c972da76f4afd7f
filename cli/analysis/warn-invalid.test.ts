import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { invalidText } from './warn-invalid.ts';

const MESH = { type: 'Folder', folder: 'shop', controlPlaneNamespace: 'w', trustDomain: 't' } as const;
const WRONG = [{ file: 'shop/a.yaml', line: 4, message: 'spec.x is not known' }];

describe('what is not valid in the folder of a mesh', () => {
  it('is told with its place, and that it is not in force', () => {
    const [where, consequence] = invalidText(MESH, WRONG);
    assert.equal(where, 'shop/a.yaml:4: spec.x is not known');
    assert.match(consequence ?? '', /not in force.*no weft run of the folder runs here/);
  });

  it('is told to leave in force what a running mesh had before', () => {
    const [, consequence] = invalidText({ ...MESH, state: '/state' }, WRONG);
    assert.match(consequence ?? '', /what the running mesh had before it stays in force/);
  });

  it('is not spoken of where all is valid', () => {
    assert.deepEqual(invalidText(MESH, []), []);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { collect } from './collect.ts';
import { type FileContent, readDocuments } from './documents.ts';

const GUIDES = join(import.meta.dirname, '../../docs/guides');
const REFERENCE = join(import.meta.dirname, '../../docs/reference');

/** The YAML blocks of a page that are documents, by the heading above them. */
function blocksOf(path: string): { heading: string; content: FileContent }[] {
  const parts = readFileSync(path, 'utf8').split(/^(?=##* )/m);
  return parts.flatMap((part) =>
    [...part.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => ({
      heading: part.slice(0, part.indexOf('\n')).replace(/^#+ /, ''),
      content: readDocuments(text!, 'block.yaml'),
    })),
  );
}

describe('docs/guides/recipes.md', () => {
  const blocks = blocksOf(join(GUIDES, 'recipes.md'));

  for (const { heading, content } of blocks) {
    it(`has one valid policy under "${heading}"`, () => {
      assert.deepEqual(content.problems, []);
      assert.equal(content.policies.length, 1);
    });
  }

  it('has a policy under every heading, of a name of its own', () => {
    const page = readFileSync(join(GUIDES, 'recipes.md'), 'utf8');
    const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(
      blocks.map(({ heading }) => heading),
      headings,
    );
    assert.deepEqual(collect(blocks.map(({ content }) => content)).problems, []);
  });

  it('has keys for tokens that are a key set', () => {
    const [issuer] = blocks.flatMap(({ content }) =>
      content.policies.flatMap(({ spec }) => spec.inbound?.jwt?.issuers ?? []),
    );
    const { keys } = JSON.parse(issuer!.jwks.inline!) as { keys: { kty: string; d?: string }[] };
    assert.equal(keys[0]!.kty, 'EC');
    assert.equal(keys[0]!.d, undefined, 'a private key has no place in a policy');
  });
});

describe('the documents shown to a new user', () => {
  for (const path of [join(GUIDES, 'getting-started.md'), join(REFERENCE, 'workload.md')]) {
    for (const { heading, content } of blocksOf(path)) {
      it(`are valid under "${heading}" of ${path.slice(path.lastIndexOf('/') + 1)}`, () => {
        assert.deepEqual(collect([content]).problems, []);
        assert.ok(content.workloads.length + content.policies.length > 0);
      });
    }
  }
});

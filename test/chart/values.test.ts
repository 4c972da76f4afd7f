import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { isMap, isScalar, type Pair, parse, parseDocument, type YAMLMap } from 'yaml';
import { chartDirectory, HELMS, helm, render, type Values } from './helm.ts';

const text = readFileSync(join(chartDirectory, 'values.yaml'), 'utf8');
const values: Values = parse(text);
const schema = JSON.parse(readFileSync(join(chartDirectory, 'values.schema.json'), 'utf8'));

type Schema = { properties?: Record<string, Schema>; additionalProperties?: unknown };

/** Free-form objects (labels, resources) end a path: their keys are the user's. */
function schemaPaths(node: Schema, path = ''): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const here = path === '' ? key : `${path}.${key}`;
    return child.additionalProperties === false ? schemaPaths(child, here) : [here];
  });
}

function valueAt(path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Values | undefined)?.[key], values);
}

/** Keys with neither a comment above themselves nor on an ancestor that is documented as a whole. */
function undocumented(map: YAMLMap, path = '', inherited = false): string[] {
  return map.items.flatMap((pair: Pair, index) => {
    const key = pair.key as { value: string; commentBefore?: string };
    const here = path === '' ? key.value : `${path}.${key.value}`;
    // The parser gives the first key's comment to the map.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined);
    const documented = comment !== undefined || WHOLE.some((whole) => here.endsWith(whole)) || inherited;
    if (isMap(pair.value)) {
      const asWhole = WHOLE.some((whole) => here.endsWith(whole));
      return [
        ...(documented || path === '' ? [] : [here]),
        ...undocumented(pair.value, here, inherited || asWhole),
      ];
    }
    return documented || !isScalar(pair.key) ? [] : [here];
  });
}
/** As in a pod spec: one comment says all. */
const WHOLE = ['resources', 'nodeSelector'];

const refused: readonly [string, Values, RegExp][] = [
  ['one is unknown', { replicas: 3 }, /replicas/],
  ['one is unknown further down', { injector: { failurepolicy: 'Fail' } }, /failurepolicy/],
  ['an enum has another value', { injector: { failurePolicy: 'Maybe' } }, /failurePolicy/],
  ['a number is out of range', { injector: { timeoutSeconds: 31 } }, /timeoutSeconds/],
  ['there is no replica', { operator: { replicas: 0 } }, /replicas/],
  ['a digest is no digest', { image: { digest: 'latest' } }, /digest/],
  ['a trust domain has capitals', { trustDomain: 'Example.org' }, /trustDomain/],
  ['a lifetime is no duration', { certificates: { lifetime: '1 day' } }, /lifetime/],
  ['a pull Secret is a bare name', { imagePullSecrets: ['regcred'] }, /imagePullSecrets/],
  [
    'an annotation is not one of those that can be allowed',
    { injector: { allowedAnnotations: ['proxy'] } },
    /allowedAnnotations/,
  ],
  ['a ConfigMap has no name of one', { operator: { jwksCa: { configMap: 'Roots!' } } }, /configMap/],
  ['a key is a path', { operator: { jwksCa: { key: '../tls.key' } } }, /key/],
  ['a flag is a string', { crds: { keep: 'false' } }, /keep/],
];

describe('values of the chart', () => {
  it('are each documented in values.yaml', () => {
    const root = parseDocument(text).contents;
    assert.ok(isMap(root));
    assert.deepEqual(undocumented(root), []);
  });

  it('are in values.yaml with their default, every one the schema knows', () => {
    const missing = schemaPaths(schema).filter((path) => path !== 'global' && valueAt(path) === undefined);
    assert.deepEqual(
      missing.filter((path) => !WHOLE.some((whole) => path.includes(`${whole}.`))),
      [],
    );
  });

  for (const version of HELMS) {
    describe(`under ${version}`, () => {
      before(() => helm(version, ['version']));

      it('have defaults that pass the schema and the strict linter', async () => {
        const { code, stdout, stderr } = await helm(version, ['lint', '--strict', chartDirectory]);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /0 chart\(s\) failed/);
      });

      for (const [what, bad, says] of refused) {
        it(`are refused when ${what}`, async () => {
          await assert.rejects(render(bad, { helm: version }), says);
        });
      }
    });
  }
});

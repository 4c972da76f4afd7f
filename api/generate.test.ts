import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { chartValuesJsonSchema } from './chart-values.ts';
import { meshPolicyCrd } from './crd.ts';
import { drift, generatedFiles } from './generate.ts';

const root = join(import.meta.dirname, '..');

describe('generated files', () => {
  test('are what the schemas say now', () => {
    assert.deepEqual(drift(root), [], 'run npm run generate');
  });

  test('are the same every time', () => {
    assert.deepEqual([...generatedFiles()], [...generatedFiles()]);
  });

  test('that are missing count as drift', () => {
    const empty = join(root, 'api', 'no-such-folder');
    assert.deepEqual(drift(empty), [...generatedFiles().keys()]);
  });

  test('hold the CRD as YAML that parses to itself', () => {
    assert.deepEqual(parse(generatedFiles().get('crds/weft.dev_meshpolicies.yaml') ?? ''), meshPolicyCrd());
  });
});

describe('the sidecar’s validators', () => {
  test('bring no schema library and no policy schema with them', async () => {
    const { metafile } = await build({
      entryPoints: [join(root, 'api/validate-proxy-config.ts')],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      absWorkingDir: root,
    });
    assert.deepEqual(Object.keys(metafile.inputs).sort(), [
      'api/generated/destination.js',
      'api/generated/proxy-config.js',
      'api/problems.ts',
      'api/validate-proxy-config.ts',
    ]);
  });
});

describe('the chart’s values', () => {
  const validate = new Ajv({ strict: false, allErrors: true }).compile(chartValuesJsonSchema());
  const defaults = () =>
    parse(readFileSync(join(root, 'helm/weft/values.yaml'), 'utf8')) as Record<string, unknown>;

  test('are valid as they come', () => {
    validate(defaults());
    assert.deepEqual(validate.errors ?? [], []);
  });

  test('may be left out, and global may be there', () => {
    assert.ok(validate({}));
    assert.ok(validate({ global: { registry: 'registry.example.com' } }));
  });

  for (const [what, values] of Object.entries({
    'an unknown value': { colour: 'red' },
    'an unknown value in a section': { image: { name: 'weft' } },
    'a digest that is none': { image: { digest: 'latest' } },
    'a failure policy that is none': { injector: { failurePolicy: 'Retry' } },
    'a timeout over 30 s': { injector: { timeoutSeconds: 31 } },
    'an annotation that cannot be allowed': { injector: { allowedAnnotations: ['inject'] } },
    'a lifetime without unit': { certificates: { lifetime: '24' } },
    'a trust domain in capitals': { trustDomain: 'Cluster.Local' },
    'no replicas': { operator: { replicas: 0 } },
    'a flag as text': { crds: { keep: 'true' } },
  })) {
    test(`refuse ${what}`, () => assert.equal(validate(values), false));
  }
});

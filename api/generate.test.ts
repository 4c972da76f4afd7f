import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { build } from 'esbuild';
import { parse, parseAllDocuments } from 'yaml';
import { chartValuesJsonSchema } from './chart-values.ts';
import { meshPolicyCrd } from './crd.ts';
import { asJsonSchema } from './generate/json-schema.ts';
import { fieldsOf } from './generate/reference.ts';
import { drift, generatedFiles } from './generate.ts';
import { validateMeshPolicy, validateWorkload } from './validate.ts';
import { type WorkloadDocument, WorkloadSchema } from './workload.ts';

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

describe('the reference', () => {
  const page = (name: string) => generatedFiles().get(`docs/reference/${name}.md`) ?? '';
  const example = (name: string) =>
    parseAllDocuments(/```yaml\n([\s\S]*?)```/.exec(page(name))?.[1] ?? '').map(
      (one) => one.toJS() as unknown,
    );

  test('of MeshPolicy begins with a valid policy', () => {
    assert.deepEqual(example('mesh-policy').map(validateMeshPolicy), [[]]);
  });

  test('of Workload begins with two valid workloads, of which one calls the other', () => {
    const workloads = example('workload') as WorkloadDocument[];
    assert.deepEqual(workloads.map(validateWorkload), [[], []]);
    const [called, caller] = workloads.map(({ spec }) => spec);
    assert.equal(caller?.outbound?.[0]?.service, called?.service);
    assert.equal(caller?.outbound?.[0]?.servicePort, called?.ports?.[0]?.port);
  });

  test('says what the items of a list look like', () => {
    assert.match(
      page('mesh-policy'),
      /to\[\]\.paths` .* `\/v1\/\*` matches \/v1\/a, not \/v1 nor \/v1\/a\/b/,
    );
    assert.match(page('mesh-policy'), /to\[\]\.hosts` .* `\*\.` stands for one or more labels/);
    assert.match(page('workload'), /`spec\.outbound\[\]\.service` \| text; \*\*required\*\*/);
  });

  test('names every field of a workload', () => {
    const fields = fieldsOf(asJsonSchema(WorkloadSchema), '').map(({ path }) => path.slice(1));
    for (const field of fields.filter((path) => /^(metadata|spec)\./.test(path))) {
      assert.ok(page('workload').includes(`| \`${field}\` |`), field);
    }
  });

  test('lists the rules inside a part as well as those across parts', () => {
    assert.ok(
      page('mesh-policy').includes('- `spec.target`, `spec.targetRefs[]`: target.kind Service needs a name'),
    );
    assert.ok(page('mesh-policy').includes('- `spec`: the policy says nothing'));
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
      'api/shape-validator.ts',
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

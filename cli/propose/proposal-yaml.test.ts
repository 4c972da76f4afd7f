import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import type { TrailRecord } from '../../api/trail-record.ts';
import { validateMeshPolicy } from '../../api/validate.ts';
import { inbound } from '../trail/record.fixture.ts';
import { proposalYaml } from './proposal-yaml.ts';
import { propose } from './propose.ts';
import { proposedPolicy } from './proposed-policy.ts';

const OPTIONS = {
  ...{ namespace: 'shop', controlPlaneNamespace: 'weft-system', trustDomain: 'cluster.local' },
  ...{ withAddresses: true, isConditional: (rule: string) => rule === 'shop/p r' },
};
const TARGET = { name: 'pay-callers', namespace: 'shop', target: { kind: 'Service', name: 'pay' } } as const;
const record = (more: Partial<TrailRecord> = {}) =>
  inbound({ caller: 'spiffe://cluster.local/ns/shop/sa/web', path: '/v1/items', ...more }).record;

function written(records: readonly TrailRecord[], remarks: readonly string[] = []) {
  const { rules } = propose(records, OPTIONS);
  const policy = proposedPolicy(TARGET, rules);
  return { policy, yaml: proposalYaml(policy, rules, remarks) };
}

describe('a proposal as YAML', () => {
  it('can be read by people, with what each rule is from', () => {
    const records = [
      record(),
      record({ path: '/v1/items/1', endedMs: 61_000 }),
      record({ path: '/v1/items/2' }),
      record({ method: 'POST', policy: 'shop/p', rule: 'r' }),
    ];
    const { yaml } = written(records, ['Proposed by hand.', '', 'Twice.']);
    assert.equal(
      yaml,
      `# Proposed by hand.
#
# Twice.

apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: pay-callers, namespace: shop}
spec:
  target: {kind: Service, name: pay}
  inbound:
    authorization:
      rules:
        # 4 requests from 1970-01-01T00:00:01Z to 1970-01-01T00:01:01Z
        # REVIEW: rule r of shop/p allows some of them today, and asks for more than this rule does
        - name: web
          action: Allow
          from:
            - {serviceAccount: web}
          to:
            # 2 requests, 2 different paths
            - methods: [GET]
              paths: [/v1/items/*]
            # 2 requests
            - methods: [GET, POST]
              paths: [/v1/items]
`,
    );
  });

  it('says where a rule is wider than one may think', () => {
    assert.match(written([record({ path: '/1/2' })]).yaml, /# REVIEW: \/\*\/\* is wide/);
    assert.match(
      written([record({ method: 'CONNECT', path: undefined })]).yaml,
      /# REVIEW: these have no path/,
    );
  });

  it('keeps text that YAML 1.1 takes for something else text', () => {
    for (const method of ['NO', 'Y', 'ON', 'OFF', 'NULL', 'TRUE']) {
      const { yaml } = written([record({ method })]);
      assert.match(yaml, new RegExp(`methods: \\["${method}"\\]`));
    }
    const { yaml, policy } = written([record({ caller: 'spiffe://cluster.local/ns/shop/sa/1e3' })]);
    assert.deepEqual(parse(yaml, { version: '1.1' }), policy);
  });

  it('makes one line of a remark, whatever is in it', () => {
    for (const evil of [
      'a\nkind: Evil',
      'a\rkind: Evil',
      'a\u2028kind: Evil',
      'a\u0085kind: Evil',
      '\u001b[2J',
    ]) {
      const { yaml, policy } = written([record()], [evil, 'x'.repeat(10_000)]);
      assert.deepEqual(parse(yaml), policy);
      const comments = yaml.split('\n\n')[0]!.split('\n');
      assert.equal(comments.length, 2);
      assert.ok(comments.every((line) => line.startsWith('# ') && line.length < 500));
    }
  });
});

/** As a sidecar keeps them, and as one writes them who answers in its place. */
const segment = fc.oneof(
  fc.constantFrom(
    'v1',
    'items',
    '42',
    '*',
    '**',
    '{id}',
    'a;b',
    '%2F',
    '..',
    '%c3%a9',
    'on',
    '- x',
    ': y',
    '#',
  ),
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const path = fc.array(segment, { maxLength: 10 }).map((segments) => `/${segments.join('/')}`);
const name = fc.oneof(fc.constantFrom('web', 'job', 'no', '1e3', 'a.b'), fc.string({ maxLength: 6 }));
const caller = fc.oneof(
  fc
    .tuple(fc.constantFrom('shop', 'ops', 'on'), name)
    .map(([ns, sa]) => `spiffe://cluster.local/ns/${ns}/sa/${sa}`),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const recorded = fc.record({
  ...{ caller, callerAddress: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), encrypted: fc.boolean() },
  method: fc.oneof(fc.constantFrom('GET', 'NO', 'get', 'CONNECT'), fc.string({ maxLength: 34 })),
  path: fc.option(path, { nil: undefined }),
  ...{ pathIsCut: fc.boolean(), endedMs: fc.double({ noNaN: true }) },
  verdict: fc.constantFrom('allowed', 'allowed', 'denied', ''),
  ...{ policy: fc.string(), rule: fc.string() },
});

it('a proposal from whatever a sidecar says is one valid policy, and reads as what it is', () => {
  fc.assert(
    fc.property(fc.array(recorded, { maxLength: 40 }), (all) => {
      const { policy, yaml } = written(all.map((each) => record(each as Partial<TrailRecord>)));
      if (policy.spec.inbound?.authorization?.rules?.length === 0) return;
      assert.deepEqual(validateMeshPolicy(policy), []);
      for (const version of ['1.1', '1.2'] as const) {
        const documents = parseAllDocuments(yaml, { version });
        assert.equal(documents.length, 1);
        assert.deepEqual((documents as { toJS(): unknown }[])[0]!.toJS(), policy);
      }
    }),
    { numRuns: 300 },
  );
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocuments } from './documents.ts';

const POLICY = `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: payments, namespace: shop}
spec:
  inbound:
    mtls: {mode: Strict}
`;
const lines = (text: string) =>
  readDocuments(text, 'a.yaml').problems.map(({ line, message }) => `${line}: ${message}`);

describe('documents in a file', () => {
  it('are read one after the other', () => {
    const { policies, problems } = readDocuments(
      `${POLICY}---\n${POLICY.replace('payments', 'other')}---\n`,
      'a.yaml',
    );
    assert.deepEqual(
      policies.map(({ metadata }) => metadata.name),
      ['payments', 'other'],
    );
    assert.deepEqual(problems, []);
  });
  it('of an empty file are none', () => {
    assert.deepEqual(readDocuments('', 'a.yaml'), {
      policies: [],
      workloads: [],
      grants: [],
      problems: [],
      isReadable: true,
    });
  });
  it('are no YAML where a mapping says something twice, and where it does is told', () => {
    const again = '    mtls: {mode: Permissive}\n';
    assert.deepEqual(lines(POLICY + again), [
      '7: this is not YAML (Map keys must be unique): mend it; until then what the file said before counts',
    ]);
    assert.deepEqual(readDocuments(POLICY + again, 'a.yaml').policies, []);
    assert.match(lines(`${POLICY}---\n- {a: [{b: 1, b: 1}]}\n`)[0]!, /^8: .*unique/);
    assert.doesNotMatch(lines('{1: a, "1": b, [c]: d, [c]: e}\n')[0]!, /unique/);
  });
  it('are of namespace default when they do not say', () => {
    const [policy] = readDocuments(POLICY.replace(', namespace: shop', ''), 'a.yaml').policies;
    assert.equal(policy?.metadata.namespace, 'default');
  });
  it('are left out when their namespace is none: it becomes part of the names of files', () => {
    for (const namespace of ['../../x', 'a/../../../x', 'a.b', 'A', '__proto__']) {
      const text = POLICY.replace('namespace: shop', `namespace: "${namespace}"`);
      const { policies, problems } = readDocuments(text, 'a.yaml');
      assert.deepEqual(policies, [], namespace);
      assert.match(problems[0]?.message ?? '', /^metadata\.namespace: /);
    }
  });
  it('that are no YAML are reported with their line', () => {
    const { isReadable, problems } = readDocuments(`${POLICY}  x: [1`, 'a.yaml');
    assert.equal(isReadable, false);
    assert.equal(problems[0]?.line, 7);
    assert.match(problems[0]!.message, /^this is not YAML \(.*[^:]\): mend it/);
    assert.doesNotMatch(problems[0]!.message, /at line/);
  });
  it('with a wrong spec are reported with the line, and passed on for their status', () => {
    const text = POLICY.replace('mode: Strict', 'mode: Sometimes');
    assert.match(lines(text)[0]!, /^6: spec\.inbound\.mtls\.mode/);
    assert.equal(readDocuments(text, 'a.yaml').policies.length, 1);
  });
  it('with unknown fields beside the spec are reported and not passed on', () => {
    const { policies, problems } = readDocuments(`${POLICY}specs: {}\n`, 'a.yaml');
    assert.equal(policies.length, 0);
    assert.equal(problems[0]?.line, 7);
  });
  it('of a kind that is not known are reported, with what to write', () => {
    assert.deepEqual(lines(POLICY.replace('MeshPolicy', 'MeshPolcy')), [
      '2: kind MeshPolcy is not known: write MeshPolicy or Workload',
    ]);
    assert.match(lines('kind: ConfigMap\n')[0]!, /^1: kind ConfigMap is not known/);
    assert.match(lines('spec: {}\n')[0]!, /^1: kind is missing/);
  });
  it('of others are ignored, and that is said', () => {
    const text = `${POLICY}---\napiVersion: apps/v1\nkind: Deployment\n`;
    const { policies, problems } = readDocuments(text, 'a.yaml');
    assert.equal(policies.length, 1);
    const message = 'apiVersion apps/v1 is not weft.dev/v1alpha1: the document is ignored';
    assert.deepEqual(problems, [{ file: 'a.yaml', line: 9, message, isForeign: true }]);
  });
  it('of our kinds in another version are reported and not passed on', () => {
    const { policies, problems } = readDocuments(POLICY.replace('v1alpha1', 'v9'), 'a.yaml');
    assert.deepEqual(policies, []);
    assert.match(problems[0]!.message, /^apiVersion: must be/);
  });
  it('show no control characters of what they say', () => {
    assert.match(lines('kind: "a\\u001b[2Jb"\n')[0]!, /kind a\?\[2Jb is not known/);
  });
  it('that are no mapping are reported', () => {
    assert.match(lines('- 1\n')[0]!, /must be a mapping/);
  });
  it('with aliases that explode are reported', () => {
    const bomb = `a: &a [x]\n${'bcdefgh'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`)
      .join('\n')}\n`;
    assert.match(lines(bomb)[0]!, /aliases/);
  });
  it('take no text for a truth value', () => {
    const [policy] = readDocuments(POLICY.replace('payments', 'on'), 'a.yaml').policies;
    assert.equal(policy?.metadata.name, 'on');
  });
});

describe('a ReferenceGrant in a file', () => {
  const grant = (spec: string, apiVersion = 'gateway.networking.k8s.io/v1beta1') =>
    `apiVersion: ${apiVersion}\nkind: ReferenceGrant\nmetadata: {name: a, namespace: ops}\nspec:\n${spec}`;
  const FROM = '  from:\n  - {group: weft.dev, kind: MeshPolicy, namespace: shop}\n';
  const TO = '  to:\n  - {group: "", kind: Service, name: pay}\n';

  for (const apiVersion of ['gateway.networking.k8s.io/v1beta1', 'gateway.networking.k8s.io/v1']) {
    it(`of ${apiVersion} is read`, () => {
      const { grants, problems } = readDocuments(grant(FROM + TO, apiVersion), 'a.yaml');
      assert.deepEqual(grants, [
        { key: 'ops/a', namespace: 'ops', from: [{ namespace: 'shop' }], to: [{ name: 'pay' }] },
      ]);
      assert.deepEqual(problems, []);
    });
  }

  it('counts as far as it is about MeshPolicies and Services; the rest is said to be ignored', () => {
    const routes = '  - {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: x}\n';
    const { grants, problems } = readDocuments(grant(FROM + routes + TO), 'a.yaml');
    assert.deepEqual(grants[0]?.from, [{ namespace: 'shop' }]);
    assert.deepEqual(problems, [
      {
        ...{ file: 'a.yaml', line: 7, isForeign: true },
        message: 'spec.from[1] is ignored: only MeshPolicies of weft.dev count here',
      },
    ]);
  });

  const wrong: [string, string, RegExp][] = [
    ['has no from', grant(TO), /^5: spec\.from must be a list of such entries: \{group: weft\.dev/],
    ['has no to', grant(FROM), /^5: spec\.to must be a list of such entries/],
    ['has an empty list', grant(`  from: []\n${TO}`), /spec\.from must be a list/],
    ['has entries that are texts', grant(`  from: [shop]\n${TO}`), /spec\.from must be a list/],
    ['names no namespace', grant(`  from: [{group: weft.dev, kind: MeshPolicy}]\n${TO}`), /spec\.from must/],
    ['leads out of the namespace', grant(FROM + TO.replace('pay', '../x/pay')), /spec\.to must be a list/],
    ['has no spec', grant(''), /spec\.from must be a list/],
    ['has no name', grant(FROM + TO).replace('name: a, ', ''), /metadata\.name is not a name/],
    ['is in no namespace', grant(FROM + TO).replace('ops', '../ops'), /metadata\.namespace is not the name/],
    [
      'is of another version',
      grant(FROM + TO, 'gateway.networking.k8s.io/v1alpha2'),
      /^2: apiVersion of a ReferenceGrant must be gateway\.networking\.k8s\.io\/v1beta1 or gateway/,
    ],
  ];
  for (const [what, text, message] of wrong) {
    it(`is left out when it ${what}`, () => {
      assert.deepEqual(readDocuments(text, 'a.yaml').grants, []);
      assert.match(lines(text)[0] ?? '', message);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPolicyDocuments } from './policy-documents.ts';

const TEXT = `# two
apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: a}
spec:
  inbound:
    authorization:
      rules:
        - name: first
          action: Allow
        - name: second
          action: Allow
          from:
            - serviceAccount: web
---
apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: b, namespace: ops}
spec: {inbound: {mtls: {mode: Maybe}}}
`;
const read = (text: string) => readPolicyDocuments([{ file: 'p.yaml', text }], 'shop');

describe('policies in files', () => {
  it('are of the given namespace unless they name one; wrong ones are left out', () => {
    const { policies, problems } = read(TEXT);
    assert.deepEqual(
      policies.map(({ document: { metadata } }) => `${metadata.namespace}/${metadata.name}`),
      ['shop/a'],
    );
    assert.deepEqual(
      problems.map(({ line }) => line),
      [19],
    );
  });

  const LINES: [string, number][] = [
    ['spec', 6],
    ['spec.inbound.authorization.rules[first]', 9],
    ['spec.inbound.authorization.rules[second].from[0]', 14],
    ['spec.inbound.authorization.rules[second].to[0]', 11],
    ['spec.inbound.authorization.rules[third].from[0]', 9],
    ['spec.traffic.routes[a]', 6],
  ];
  for (const [field, line] of LINES) {
    it(`have ${field} in line ${line}, or what is nearest to it`, () => {
      assert.equal(read(TEXT).policies[0]?.position.lineOf(field), line);
    });
  }

  it('that are no YAML are told without what is said where files are followed', () => {
    const { problems } = read('a: {');
    assert.match(problems[0]!.message, /^this is not YAML \(.*\): mend it$/);
  });

  it('of one name twice are told', () => {
    const one = TEXT.slice(0, TEXT.indexOf('---'));
    const { policies, problems } = read(`${one}---\n${one}`);
    assert.equal(policies.length, 1);
    assert.match(problems[0]!.message, /MeshPolicy shop\/a is left out: it stands at p\.yaml:2 already/);
  });
});

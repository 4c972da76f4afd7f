import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownerReferenceTo, translateRevision } from './accepted-revision.ts';
import { translatePolicy } from './policy.ts';

const spec = { inbound: { mtls: { mode: 'Strict' } } };

describe('translatePolicy', () => {
  const metadata = {
    namespace: 'shop',
    name: 'p',
    uid: 'u',
    generation: 3,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  it('keeps identity, generation, age and spec', () => {
    assert.deepEqual(translatePolicy({ metadata, spec, status: { conditions: [] } }), {
      key: 'shop/p',
      namespace: 'shop',
      name: 'p',
      uid: 'u',
      generation: 3,
      createdAt: '2026-01-01T00:00:00Z',
      spec,
    });
  });
  describe('status', () => {
    const condition = {
      ...{ type: 'InForce', status: 'True', reason: 'InForce', message: '' },
      ...{ observedGeneration: 3, lastTransitionTime: '2026-01-01T00:00:00Z' },
    };
    const statusOf = (status: unknown) => translatePolicy({ metadata, spec, status })?.status;

    it('is what was written', () => {
      const status = {
        observedGeneration: 3,
        conditions: [condition],
        proxies: { targeted: 3, inForce: 1, lagging: 1, refused: 1 },
        laggards: [{ pod: 'a', since: '2026-01-01T00:00:00Z', reason: 'NotConnected' }],
      };
      assert.deepEqual(statusOf(status), status);
    });
    it('keeps every condition that the operator writes', () => {
      const conditions = ['Accepted', 'ResolvedRefs', 'InForce', 'Conflicted'].map((type) => ({
        ...condition,
        type,
      }));
      assert.deepEqual(statusOf({ conditions })?.conditions, conditions);
    });
    it('counts as zero what is not there, and leaves out what is of another shape', () => {
      const strange = [null, 7, { ...condition, type: 'Other' }, { ...condition, status: true }];
      const untimed = { ...condition, lastTransitionTime: undefined };
      assert.deepEqual(statusOf({ conditions: [...strange, untimed, condition], laggards: [{ pod: 1 }] }), {
        observedGeneration: 0,
        conditions: [condition],
        proxies: { targeted: 0, inForce: 0, lagging: 0, refused: 0 },
        laggards: [],
      });
    });
    for (const bad of [undefined, null, 'text', [], {}, { conditions: {} }, { conditions: [] }]) {
      it(`is none when it is ${JSON.stringify(bad)}`, () => assert.equal(statusOf(bad), undefined));
    }
  });

  it('is nothing without a uid', () => {
    assert.equal(translatePolicy({ metadata: { ...metadata, uid: '' }, spec }), undefined);
  });
});

describe('translateRevision', () => {
  const labels = { 'weft.dev/accepted-policy': 'u' };
  const metadata = {
    namespace: 'shop',
    name: 'weft-p',
    labels,
    ownerReferences: [ownerReferenceTo('p', 'u')],
  };
  const good = { metadata, data: spec, revision: 3 };

  it('reads the policy from the owner and the generation from the revision', () => {
    assert.deepEqual(translateRevision(good), { key: 'shop/p', uid: 'u', generation: 3, spec });
  });

  const owner = ownerReferenceTo('p', 'u');
  for (const [what, object] of Object.entries({
    'without an owner': { ...good, metadata: { ...metadata, ownerReferences: [] } },
    'with an owner of another kind': {
      ...good,
      metadata: { ...metadata, ownerReferences: [{ ...owner, kind: 'StatefulSet' }] },
    },
    'with an owner of another group': {
      ...good,
      metadata: { ...metadata, ownerReferences: [{ ...owner, apiVersion: 'evil.dev/v1alpha1' }] },
    },
    'with an owner that does not control it': {
      ...good,
      metadata: { ...metadata, ownerReferences: [{ ...owner, controller: false }] },
    },
    'with the label of another policy': {
      ...good,
      metadata: { ...metadata, labels: { 'weft.dev/accepted-policy': 'other' } },
    },
    'without data': { ...good, data: undefined },
    'with a list as data': { ...good, data: [] },
    'with text as data': { ...good, data: 'spec' },
    'with a negative revision': { ...good, revision: -1 },
    'with a fractional revision': { ...good, revision: 1.5 },
    'without a revision': { ...good, revision: undefined },
  })) {
    it(`is nothing ${what}`, () => {
      assert.equal(translateRevision(object as never), undefined);
    });
  }
});

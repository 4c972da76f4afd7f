import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AcceptedRevisions, revisionName } from './accepted-revisions.ts';
import type { ApiClient } from './api-client.ts';
import type { RevisionObject } from './objects.ts';
import { ownerReferenceTo } from './translate/accepted-revision.ts';

const object = (uid: string, revision: number): RevisionObject => ({
  metadata: {
    namespace: 'shop',
    name: `weft-p-${uid}-${revision}`,
    labels: { 'weft.dev/accepted-policy': uid },
    ownerReferences: [ownerReferenceTo('p', uid)],
  },
  data: { inbound: {} },
  revision,
});
const added = (uid: string, revision: number) => ({
  key: `shop/${uid}-${revision}`,
  object: object(uid, revision),
});
const removed = (uid: string, revision: number) => ({ key: `shop/${uid}-${revision}`, object: undefined });

describe('AcceptedRevisions', () => {
  const make = () => new AcceptedRevisions({} as ApiClient);
  const generations = (changes: ReturnType<AcceptedRevisions['observe']>) =>
    changes.map(({ key, value }) => [key, (value as { generation: number } | undefined)?.generation]);

  it('delivers the newest generation, whatever order they come and go in', () => {
    const revisions = make();
    assert.deepEqual(generations(revisions.observe([added('a', 2)])), [['shop/p', 2]]);
    assert.deepEqual(generations(revisions.observe([added('a', 10)])), [['shop/p', 10]]);
    assert.deepEqual(generations(revisions.observe([added('a', 9)])), [['shop/p', 10]]);
    assert.deepEqual(generations(revisions.observe([removed('a', 10)])), [['shop/p', 9]]);
    assert.deepEqual(generations(revisions.observe([removed('a', 9), removed('a', 2)])), [
      ['shop/p', undefined],
    ]);
  });

  it('does not let a deleted policy’s revision count for its successor of the same name', () => {
    const revisions = make();
    revisions.observePolicy('shop/p', 'old');
    revisions.observe([added('old', 7)]);
    assert.deepEqual(generations(revisions.observePolicy('shop/p', 'new')), [['shop/p', undefined]]);
    assert.deepEqual(generations(revisions.observe([added('new', 1)])), [['shop/p', 1]]);
    assert.deepEqual(generations(revisions.observe([removed('old', 7)])), [['shop/p', 1]]);
  });

  it('says nothing when a policy changes and stays itself', () => {
    const revisions = make();
    revisions.observePolicy('shop/p', 'a');
    assert.deepEqual(revisions.observePolicy('shop/p', 'a'), []);
    assert.deepEqual(revisions.observePolicy('shop/without', 'b'), []);
  });

  it('forgets what stopped being a revision of the policy', () => {
    const revisions = make();
    revisions.observe([added('a', 1)]);
    const changed = { key: 'shop/a-1', object: { ...object('a', 1), data: undefined } };
    assert.deepEqual(generations(revisions.observe([changed])), [['shop/p', undefined]]);
  });
});

describe('revisionName', () => {
  const uid = '12345678-9abc-def0-1234-56789abcdef0';
  it('names policy, uid and generation', () => {
    const name = revisionName('payments', { key: 'shop/payments', uid, generation: 3, spec: {} });
    assert.equal(name, 'weft-payments-12345678-3');
  });
  it('stays a valid name for the longest policy names', () => {
    const policy = `${'a'.repeat(232)}.${'b'.repeat(20)}`;
    const name = revisionName(policy, { key: '', uid, generation: 3, spec: {} });
    assert.ok(name.length <= 253);
    assert.match(name, /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
    assert.doesNotMatch(name, /\.-|-\./);
    assert.ok(name.endsWith('-12345678-3'));
  });
});

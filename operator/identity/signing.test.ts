import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { Authority, createRoot } from './authority.ts';
import { skewMs } from './rotation.ts';
import { type Signing, whyHeld } from './signing.ts';

const NOW = Date.UTC(2026, 0, 1);
const LEAF_MS = 24 * 3600 * 1000;
const NEW_ROOT = /a new root, which not everybody trusts yet/;
const DROPPED = /a root that is about to be dropped/;

let signing: Signing;
/** of the root whose turn it is, one before it, and one that is new; each until a lifetime from now */
let leaves: {
  readonly issuing: X509Certificate;
  readonly previous: X509Certificate;
  readonly next: X509Certificate;
};
before(async () => {
  const make = async () => {
    const root = await createRoot('issuer', NOW);
    const { certificate } = await (await Authority.load(root)).issue(
      { spiffeId: undefined, dnsNames: ['x'] },
      NOW,
    );
    return { root: new X509Certificate(root.certificate), leaf: new X509Certificate(certificate) };
  };
  const [issuing, previous, next] = [await make(), await make(), await make()];
  leaves = { issuing: issuing.leaf, previous: previous.leaf, next: next.leaf };
  signing = {
    ...{ issuing: issuing.root, previous: [previous.root], roots: [issuing.root, next.root, previous.root] },
    ...{ retireAtMs: NOW + 2 * LEAF_MS, limitMs: LEAF_MS },
  };
});

describe('a leaf that an issuer has signed', () => {
  it('of the root whose turn it is is handed out', () => {
    assert.equal(whyHeld(leaves.issuing, signing, NOW), undefined);
  });
  it('is held back when the state was last seen so long ago that it may outlive its root', () => {
    const clocksMs = skewMs(LEAF_MS);
    assert.equal(whyHeld(leaves.issuing, signing, NOW - clocksMs), undefined);
    assert.match(whyHeld(leaves.issuing, signing, NOW - clocksMs - 1)!, /not seen for too long/);
  });
  it('of a root that is trusted, and signs later, is held back', () => {
    assert.match(whyHeld(leaves.next, signing, NOW)!, NEW_ROOT);
  });
  it('of an earlier root is handed out when that is trusted for longer than the leaf lives', () => {
    const endMs = leaves.previous.validToDate.getTime() + skewMs(LEAF_MS);
    assert.equal(whyHeld(leaves.previous, { ...signing, retireAtMs: endMs }, NOW), undefined);
    assert.match(whyHeld(leaves.previous, { ...signing, retireAtMs: endMs - 1 }, NOW)!, DROPPED);
    assert.match(whyHeld(leaves.previous, { ...signing, retireAtMs: undefined }, NOW)!, DROPPED);
  });
});

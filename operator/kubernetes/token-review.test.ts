import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ScriptedApi, status } from './testing/scripted-api.ts';
import { holderOf, reviewToken } from './token-review.ts';

const user = {
  username: 'system:serviceaccount:shop:web',
  extra: {
    'authentication.kubernetes.io/pod-name': ['web-1'],
    'authentication.kubernetes.io/pod-uid': ['u1'],
  },
};
const good = { authenticated: true, audiences: ['weft'], user };

describe('holderOf', () => {
  it('names the pod and the service account', () => {
    const holder = { namespace: 'shop', serviceAccount: 'web', pod: 'web-1', podUid: 'u1' };
    assert.deepEqual(holderOf({ status: good }), holder);
  });
  for (const [what, answer] of Object.entries({
    'no status': undefined,
    'a refusal': { ...good, authenticated: false },
    'no word on it': { ...good, authenticated: undefined },
    'no audience: the authenticator knows none': { ...good, audiences: undefined },
    'another audience': { ...good, audiences: ['vault'] },
    'a human user': { ...good, user: { ...user, username: 'alice' } },
    'a node': { ...good, user: { ...user, username: 'system:node:n1' } },
    'a name with more parts': { ...good, user: { ...user, username: 'system:serviceaccount:a:b:c' } },
    'no pod': { ...good, user: { username: user.username } },
    'no pod uid': {
      ...good,
      user: { ...user, extra: { 'authentication.kubernetes.io/pod-name': ['web-1'] } },
    },
  })) {
    it(`is nobody for an answer with ${what}`, () => {
      assert.equal(holderOf({ status: answer as typeof good | undefined }), undefined);
    });
  }
});

describe('reviewToken', () => {
  it('does not bother the API server with what is no token', async () => {
    const api = await ScriptedApi.start();
    for (const token of ['', 'abc', 'a.b', 'a.b.c.d', 'a.b.c\n', 'a b.c.d', `${'a'.repeat(20_000)}.b.c`]) {
      assert.equal(await reviewToken(api.client, token), undefined);
    }
    assert.equal(api.seen.length, 0);
    await api.stop();
  });
  it('throws when the API server cannot be asked: that says nothing of the token', async () => {
    const api = (await ScriptedApi.start()).requests(status(503));
    await assert.rejects(reviewToken(api.client, 'a.b.c'), { status: 503 });
    await api.stop();
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestAuthority } from './testing/certificates.ts';
import { last, start, until } from './testing/harness.ts';
import { API } from './testing/pair.ts';
import { ok, serveHttp, talk } from './testing/wire.ts';

test('more roots leave connections as they are, and let in who is of a new one; fewer make connections anew', async () => {
  const pair = await start(await serveHttp(() => ok('done')));
  const other = await TestAuthority.create('another root');
  const { state } = pair.web;
  const alone = state.identity!;
  const both = { ...alone, trustBundle: `${alone.trustBundle}\n${other.bundle}` };
  const inbound = () => pair.api.path.connections().open;
  assert.match(await talk(pair.port, last()), /done$/);
  assert.equal(inbound(), 1);

  state.setIdentity(both);
  assert.match(await talk(pair.port, last()), /done$/);
  assert.equal(inbound(), 1, 'the connection went on');

  // the other side has a certificate of the new root meanwhile, and trusts both
  const rotated = await other.workload(API);
  pair.api.state.setIdentity({ ...rotated, trustBundle: both.trustBundle });
  // a certificate of its own, so that it connects anew
  state.setIdentity({ ...(await pair.authority.workload(alone.spiffeId)), trustBundle: both.trustBundle });
  await until(() => inbound() === 0);
  assert.match(await talk(pair.port, last()), /done$/);

  state.setIdentity({ ...state.identity!, trustBundle: alone.trustBundle });
  await until(() => inbound() === 0);
  assert.doesNotMatch(await talk(pair.port, last()), /done$/, 'its root is not trusted any more');
});

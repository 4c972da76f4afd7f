import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from '../context.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { LearnedVersion } from '../layers/learned-version.ts';
import type { Backend } from './backend.ts';
import { MirrorRequest, type MirrorResult } from './mirror-request.ts';

/** A copy on a connection that takes no more after each piece until it says so. */
function mirrorOnSlowConnection() {
  const sent: string[] = [];
  const connection = {
    begin: () => void sent.push('head'),
    writeBody: (data: Buffer) => {
      sent.push(data.toString());
      return false;
    },
    endBody: () => void sent.push('end'),
    release: () => void sent.push('release'),
    destroy: () => void sent.push('destroy'),
  };
  const host = { name: 'shadow', endpoint: {}, version: new LearnedVersion() };
  const backend = {
    breaker: { tryEnter: () => true, leave: () => {} },
    hosts: { pick: () => host, started: () => {}, finished: () => {} },
    hash: () => 0,
    versionFor: () => 'http1',
    pool: () => ({ take: () => connection }),
  };
  const timers = { coarseMs: () => 0, after: () => ({ cancel: () => {} }) };
  const results: MirrorResult[] = [];
  // as much of each as a copy uses
  const mirror = new MirrorRequest(
    { timers } as unknown as Context,
    backend as unknown as Backend,
    { protocol: 'http1', version: 'http1', head: {} as RequestHead },
    (result) => results.push(result),
  );
  mirror.start();
  return { mirror, sent, results };
}

test('a body ends once, however often its connection makes room afterwards', () => {
  const { mirror, sent, results } = mirrorOnSlowConnection();
  mirror.onRequestBody(Buffer.from('a'));
  mirror.onRequestEnd(undefined);
  mirror.onUpstreamDrained();
  mirror.onUpstreamDrained();
  mirror.onMessageEnd();
  assert.deepEqual(sent, ['head', 'a', 'end', 'release']);
  assert.deepEqual(results, ['answered']);
});

test('a body that was held ends behind its last piece, once', () => {
  const { mirror, sent } = mirrorOnSlowConnection();
  mirror.onRequestBody(Buffer.from('a'));
  mirror.onRequestBody(Buffer.from('b'));
  mirror.onRequestBody(Buffer.from('c'));
  mirror.onRequestEnd(undefined);
  for (let turn = 0; turn < 4; turn += 1) mirror.onUpstreamDrained();
  assert.deepEqual(sent, ['head', 'a', 'b', 'c', 'end']);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Exec } from '@kubernetes/client-node';
import { askByExec } from './pod-exec.ts';

const PROXY = { namespace: 'shop', name: 'web-1', ready: true };
const QUESTION = { method: 'GET', path: '/trails?id=a%20b' } as const;
const LIMITS = { timeoutMs: 1_000, answerMaxBytes: 1_000 };

interface Streams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly stdin: Readable | null;
  readonly end: (status: object) => void;
  readonly closes: () => void;
}
interface Asked {
  readonly where: readonly string[];
  readonly command: readonly string[];
}

/** An exec whose command does what it is told to. `closed`: how often its socket was closed by us. */
function fakeExec(run: (streams: Streams) => void | Promise<void>) {
  const asked: Asked[] = [];
  const seen = { asked, closed: 0 };
  const exec: Exec['exec'] = async (namespace, pod, container, command, stdout, stderr, stdin, _tty, end) => {
    asked.push({ where: [namespace, pod, container], command: command as string[] });
    const close = () => {
      seen.closed += 1;
    };
    const socket = { onclose: () => {}, close };
    const streams = { stdout: stdout!, stderr: stderr!, stdin, end: end as Streams['end'] };
    setImmediate(() => void run({ ...streams, closes: () => socket.onclose() }));
    return socket as never;
  };
  return { exec: { exec }, seen };
}

function prints(text: string) {
  return fakeExec(({ stdout, end }) => void stdout.write(text, () => end({ status: 'Success' })));
}

describe('asking a sidecar by exec', () => {
  it('runs weft admin in its container, each word an argument of its own, and takes what it prints', async () => {
    const { exec, seen } = prints('200\n[1,\n2]\n');
    assert.deepEqual(await askByExec(exec, PROXY, QUESTION, LIMITS), [1, 2]);
    assert.deepEqual(seen.asked, [
      { where: ['shop', 'web-1', 'weft-sidecar'], command: ['weft', 'admin', 'GET', '/trails?id=a%20b'] },
    ]);
    assert.equal(seen.closed, 1);
  });

  it('sends a body with its number of bytes, since its end may not be seen', async () => {
    let body = '';
    const { exec, seen } = fakeExec(async ({ stdin, stdout, end }) => {
      [body] = (await once(stdin!, 'data')).map(String) as [string];
      stdout.write('200\n{}', () => end({ status: 'Success' }));
    });
    await askByExec(exec, PROXY, { method: 'POST', path: '/replay', body: '{"a":"ä"}' }, LIMITS);
    assert.equal(body, '{"a":"ä"}');
    assert.deepEqual(seen.asked[0]!.command.slice(2), ['POST', '/replay', '--bytes', '10']);
  });

  const bad: [what: string, exec: ReturnType<typeof fakeExec>, words: RegExp][] = [
    ['an answer that is too long', prints(`200\n"${'x'.repeat(2_000)}"`), /^Error: the answer is too long$/],
    ['an answer without status', prints('{"ready":true}'), /^Error: what answered there is no sidecar$/],
    ['an answer of no bytes', prints(''), /no sidecar/],
    ['an answer that is no JSON', prints('200\nhello'), /something else than JSON/],
    [
      'a command that fails, in its own words',
      fakeExec(
        ({ stderr, end }) => void stderr.write('weft: no sidecar\n', () => end({ status: 'Failure' })),
      ),
      /^Error: weft: no sidecar$/,
    ],
    [
      'a command that fails without a word',
      fakeExec(({ end }) => end({ status: 'Failure', message: 'exit code 127' })),
      /^Error: exit code 127$/,
    ],
    ['a connection that ends', fakeExec(({ closes }) => closes()), /^Error: the connection was closed$/],
  ];
  for (const [what, { exec }, words] of bad) {
    it(`rejects at ${what}`, () => assert.rejects(askByExec(exec, PROXY, QUESTION, LIMITS), words));
  }

  for (const [said, words] of [
    [
      'Unexpected server response: 403',
      /^Error: not permitted to exec into it \(get and create pods\/exec\)$/,
    ],
    ['Unexpected server response: 404', /^Error: there is no such pod, or it has no sidecar$/],
    ['connect ECONNREFUSED', /^Error: connect ECONNREFUSED$/],
  ] as const) {
    it(`rejects where the handshake fails with ${said}`, () => {
      const exec = { exec: () => Promise.reject(new Error(said)) };
      return assert.rejects(askByExec(exec, PROXY, QUESTION, LIMITS), words);
    });
  }

  it('waits so long and no longer for a command that hangs, and hangs up', async () => {
    const { exec, seen } = fakeExec(() => {});
    const hurried = { ...LIMITS, timeoutMs: 20 };
    await assert.rejects(askByExec(exec, PROXY, QUESTION, hurried), /^Error: no answer in 0\.02 s$/);
    assert.equal(seen.closed, 1);
  });

  it('hangs up on a connection that comes about when nobody waits any more', async () => {
    let connect: (socket: { close: () => void }) => void = () => {};
    const exec = { exec: () => new Promise((resolve) => (connect = resolve)) as never };
    await assert.rejects(askByExec(exec, PROXY, QUESTION, { ...LIMITS, timeoutMs: 20 }), /no answer/);
    await new Promise<void>((resolve) => connect({ close: resolve }));
  });
});

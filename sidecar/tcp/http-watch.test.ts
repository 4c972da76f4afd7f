import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DETECT_MAX_BYTES } from '../detect.ts';
import { httpWatch } from './http-watch.ts';

const follow = (...pieces: readonly string[]) => {
  const watch = httpWatch();
  return pieces.map((piece) => watch(Buffer.from(piece, 'latin1')));
};

test('a request that comes in pieces is stopped before its headers', () => {
  assert.deepEqual(follow('BREW', ' /pot HTT', 'P/1.1\r\nweft-caller: x\r\n'), [true, true, false]);
  assert.deepEqual(follow('\r\n', 'X y HTTP/1.1\r\n'), [true, false]);
});

test('what is not HTTP passes, and is not looked at once that is certain', () => {
  assert.deepEqual(follow('ruok'), [true]);
  assert.deepEqual(follow('HELO a\r\n', 'GET / HTTP/1.1\r\n'), [true, true]);
  assert.deepEqual(follow('\u0000', 'GET / HTTP/1.1\r\n'), [true, true]);
});

test('the HTTP/2 preface is stopped where it is refused, told once, and passes elsewhere', () => {
  let told = 0;
  const watch = httpWatch(['http1', 'http2'], () => {
    told += 1;
  });
  const bytes = ['PRI * HTTP/2', '.0\r\n\r\nSM\r\n\r\n'].map((piece) => Buffer.from(piece));
  assert.deepEqual(
    bytes.map((piece) => watch(piece)),
    [true, false],
  );
  assert.equal(told, 1);
  assert.deepEqual(follow('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), [true]);
});

test('a first line without end is stopped', () => {
  assert.deepEqual(follow('word ', 'a'.repeat(DETECT_MAX_BYTES)), [true, false]);
});

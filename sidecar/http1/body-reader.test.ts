import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyReader } from './body-reader.ts';
import { CHUNKED } from './framing.ts';

test('trailers cannot speak in the name of the mesh, nor change framing', () => {
  const body = new BodyReader(1_000);
  body.begin(CHUNKED, false);
  const names = [
    'weft-caller',
    'Weft_Caller',
    'weft.caller',
    'Content-Length',
    'Host',
    'Content_Length',
    'Cookie',
    'X-Forwarded-For',
    'weftless',
    'x-sum',
  ];
  let rest = Buffer.from(`0\r\n${names.map((name) => `${name}: 1\r\n`).join('')}\r\n`);
  while (!body.done) rest = rest.subarray(body.push(rest, () => {}));
  assert.equal(body.trailers?.serialize(), 'weftless: 1\r\nx-sum: 1\r\n');
});

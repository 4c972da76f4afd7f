import assert from 'node:assert/strict';
import { type Kind, type Outcome, read, readSlowly } from '../../../sidecar/http1/corpus/read.ts';
import { readCanonical } from '../canonical.ts';
import { checkNodeAccepts, checkNodeAgrees } from './node-parser.ts';

/**
 * What must hold of any bytes at all: they are refused, or understood in one way whatever pieces they come in,
 * and go on in a form that strangers read in the same way. Throws what does not hold.
 */
export function checkInvariants(kind: Kind, input: Buffer, sizes: readonly number[] = []): Outcome {
  const outcome = read(kind, [input]);
  assert.deepEqual(read(kind, split(input, sizes)), outcome, 'in pieces it is understood in another way');
  assert.deepEqual(
    readSlowly(kind, split(input, sizes)),
    outcome,
    'taken slowly it is understood in another way',
  );
  const messages = readCanonical(kind, outcome.forwarded);
  const again = read(kind, [Buffer.from(outcome.forwarded, 'latin1')]);
  assert.deepEqual(
    again,
    { forwarded: outcome.forwarded, error: undefined },
    'its own output is read in another way',
  );
  if (kind === 'requests') {
    checkNodeAgrees(outcome.forwarded, messages);
    if (outcome.error === undefined) checkNodeAccepts(input, messages);
  }
  return outcome;
}

/** Sizes of at least 1; where they end it goes on byte by byte. */
function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

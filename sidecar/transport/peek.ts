import type { Socket } from 'node:net';
import { Accumulator } from './accumulator.ts';

export interface Peeked<Verdict> {
  /** undefined: the connection ended or closed before there was one */
  readonly verdict: Verdict | undefined;
  readonly bytes: Buffer;
}

/**
 * Reads first bytes until `decide` gives a verdict, then stops reading and hands the bytes over. `decide`
 * must come to a verdict within a bounded number of bytes. The cancel leaves the socket paused and returns
 * what was read so far.
 */
export function peek<Verdict>(
  socket: Socket,
  decide: (bytes: Buffer) => Verdict | undefined,
  done: (peeked: Peeked<Verdict>) => void,
): () => Buffer {
  const read = new Accumulator();
  const stop = (): Buffer => {
    socket.off('data', onData).off('end', onEnd).off('close', onEnd);
    socket.pause();
    return read.view();
  };
  const onData = (bytes: Buffer) => {
    const verdict = decide(read.append(bytes));
    if (verdict !== undefined) done({ verdict, bytes: stop() });
  };
  const onEnd = () => done({ verdict: undefined, bytes: stop() });
  socket.on('data', onData).once('end', onEnd).once('close', onEnd);
  socket.resume();
  return stop;
}

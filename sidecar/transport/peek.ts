import { Accumulator } from './accumulator.ts';
import type { Channel, ChannelOwner } from './channel.ts';

export interface Peeked<Verdict> {
  /** undefined: the connection ended or closed before there was one */
  readonly verdict: Verdict | undefined;
  readonly bytes: Buffer;
}

/**
 * Reads first bytes until `decide` gives a verdict, then stops reading and hands the bytes over. `decide`
 * must come to a verdict within a bounded number of bytes. The cancel leaves the channel paused and without an
 * owner, and returns what was read so far.
 */
export function peek<Verdict>(
  channel: Channel,
  decide: (bytes: Buffer) => Verdict | undefined,
  done: (peeked: Peeked<Verdict>) => void,
): () => Buffer {
  const read = new Accumulator();
  const stop = (): Buffer => {
    if (channel.owner === owner) {
      channel.disown();
      channel.pause();
    }
    return read.view();
  };
  const over = () => done({ verdict: undefined, bytes: stop() });
  const owner: ChannelOwner = {
    onData: (bytes) => {
      const verdict = decide(read.append(bytes));
      if (verdict !== undefined) done({ verdict, bytes: stop() });
    },
    onEnd: over,
    onDrain: () => {},
    onClose: over,
  };
  channel.owner = owner;
  channel.resume();
  return stop;
}

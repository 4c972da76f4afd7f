import type { Channel } from './channel.ts';
import type { Timers } from './timers.ts';

/**
 * Sends what is written and the end, and reads and drops input for a while: closing with unread input would
 * send RST, which may destroy a response the client has not read yet (RFC 9112 9.6).
 */
export function lingeringClose(channel: Channel, timers: Timers, lingerMs: number): void {
  if (channel.destroyed) return;
  channel.end();
  if (channel.ended) return void channel.destroySoon();
  const timer = timers.after(lingerMs, () => channel.destroy());
  channel.owner = {
    onData: () => {},
    onEnd: () => channel.destroySoon(),
    onDrain: () => {},
    onClose: () => timer.cancel(),
  };
  channel.resume();
}

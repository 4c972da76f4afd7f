import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/**
 * How many wait to be accepted on a port, as the kernel says: the receive queue of a socket that listens. Undefined:
 * none does.
 */
export function waiting(port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = RegExp(`:${hex} 0+:0000 0A \\w+:(\\w+) `);
  const queue = line.exec(readFileSync('/proc/net/tcp', 'latin1'))?.[1];
  return queue === undefined ? undefined : Number.parseInt(queue, 16);
}

/** Sockets that were told to connect in this tick have asked the kernel. */
export function connectsSent(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Without a turn of the event loop, in which one would be accepted. */
export function untilWaiting(port: number, count: number): void {
  const endMs = performance.now() + 5_000;
  while ((waiting(port) ?? 0) < count && performance.now() < endMs);
  assert.equal(waiting(port), count);
}

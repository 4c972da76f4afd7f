/** Something with bytes to write before this turn of the event loop ends. */
interface Flushable {
  flush(): void;
}

const waiting: Flushable[] = [];
let depth = 0;

/**
 * Every call from the runtime into the data path stands between `enter` and `leave`; what was written in it
 * leaves with `leave`. A call within a call may use the read buffer again, so what waits leaves before it.
 */
export function enter(): void {
  if (depth > 0 && waiting.length > 0) flushAll();
  depth += 1;
}

export function leave(): void {
  depth -= 1;
  if (waiting.length > 0) flushAll();
}

export function dirty(channel: Flushable): void {
  waiting.push(channel);
  if (depth === 0 && waiting.length === 1) queueMicrotask(flushAll);
}

function flushAll(): void {
  for (let index = 0; index < waiting.length; index += 1) waiting[index]!.flush();
  waiting.length = 0;
}

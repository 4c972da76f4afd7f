import { printable } from '../analysis/printable.ts';
import { type Access, keyOf, type Question, type Sidecar } from './access.ts';

export interface Answered<T> {
  readonly proxy: Sidecar;
  readonly answer: T;
}
/** Why a sidecar could not be asked. */
export interface Unanswered {
  readonly proxy: string;
  readonly reason: string;
}
export interface Answers<T> {
  readonly answered: readonly Answered<T>[];
  readonly unanswered: readonly Unanswered[];
}

const CONCURRENCY = 8;
const SAY_AFTER_MS = 1_000;

/**
 * Asks every sidecar, a few at a time. One that cannot be asked is named and keeps nobody else from answering; so is
 * one whose answer `read` throws at.
 */
export async function askAll<T>(
  access: Access,
  proxies: readonly Sidecar[],
  questionOf: (proxy: Sidecar) => Question,
  read: (answer: unknown) => T = (answer) => answer as T,
): Promise<Answers<T>> {
  const answered: Answered<T>[] = [];
  const unanswered: Unanswered[] = [];
  const waiting = [...proxies];
  let done = 0;
  const progress = setInterval(
    () => console.error(`weft: ${done} of ${proxies.length} sidecars have answered`),
    SAY_AFTER_MS,
  );
  const worker = async () => {
    for (let proxy = waiting.shift(); proxy !== undefined; proxy = waiting.shift()) {
      try {
        answered.push({ proxy, answer: read(await access.ask(proxy, questionOf(proxy))) });
      } catch (error) {
        unanswered.push({ proxy: keyOf(proxy), reason: (error as Error).message });
      }
      done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, proxies.length) }, worker));
  } finally {
    clearInterval(progress);
  }
  const inOrder = (a: string, b: string) => (a < b ? -1 : 1);
  return {
    answered: answered.sort((a, b) => inOrder(keyOf(a.proxy), keyOf(b.proxy))),
    unanswered: unanswered.sort((a, b) => inOrder(a.proxy, b.proxy)),
  };
}

/** Who could not be asked, on stderr; at most so many by name. */
export function reportUnanswered(unanswered: readonly Unanswered[]): void {
  for (const { proxy, reason } of unanswered.slice(0, NAMED_MAX)) {
    console.error(`weft: ${proxy} could not be asked: ${printable(reason.slice(0, REASON_MAX))}`);
  }
  const more = unanswered.length - NAMED_MAX;
  if (more > 0) console.error(`weft: and ${more} more could not be asked`);
}
const NAMED_MAX = 10;
const REASON_MAX = 300;

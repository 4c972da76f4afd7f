import { readFileSync } from 'node:fs';
import type { Exit } from './processes.ts';

/** A terminal signals the whole process group and a launcher forwards the same signal: one wish, not two. */
const SAME_WISH_MS = 500;
const LOG_LINES_SHOWN = 15;

/** When and how a run ends: by a signal, or since one of its processes died. */
export class Ending {
  readonly promise: Promise<number>;
  readonly #abort = new AbortController();
  readonly #resolve: (code: number) => void;
  failed = false;

  /** `force` ends everything at once: the second Ctrl-C. */
  constructor(force: () => void) {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.promise = promise;
    this.#resolve = resolve;
    let firstMs: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        const nowMs = performance.now();
        firstMs ??= nowMs;
        if (nowMs - firstMs > SAME_WISH_MS) force();
        this.#end(signal === 'SIGINT' ? 0 : 143);
      });
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  died({ name, how, logFile }: Exit): void {
    this.failed = true;
    console.error(`weft: ${name} ended unexpectedly (${how}); its log is ${logFile}`);
    for (const line of lastLines(logFile)) console.error(`  ${line}`);
    this.#end(1);
  }

  #end(code: number): void {
    this.#resolve(code);
    this.#abort.abort();
  }
}

function lastLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN);
  } catch {
    return [];
  }
}

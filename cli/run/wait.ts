/** How long something that just started may take, and when to say what is being waited for. */
const WITHIN_MS = 30_000;
const SAY_AFTER_MS = 2_000;
const EVERY_MS = 50;

export interface Waiting {
  /** ends the wait when the run ends: nothing is left behind that keeps the process alive */
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** Asks until `holds` is undefined; after 30 s throws an Error with what it said last. */
export async function waitFor(
  what: string,
  holds: () => Promise<string | undefined>,
  { signal, progress }: Waiting,
): Promise<void> {
  const startMs = performance.now();
  let said = false;
  let last: string | undefined = '';
  while (!signal.aborted) {
    last = await holds();
    if (last === undefined) return;
    const tookMs = performance.now() - startMs;
    if (tookMs > WITHIN_MS) throw new Error(`${what}: ${last}`);
    if (tookMs > SAY_AFTER_MS && !said) {
      progress(`waiting: ${what}: ${last}`);
      said = true;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  throw new Error(`${what}: given up`);
}

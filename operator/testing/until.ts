const TIMEOUT_MS = 5_000;

/** Waits until the world is as wanted, a few milliseconds at a time; throws when it is not in time. */
export async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${TIMEOUT_MS} ms in vain: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

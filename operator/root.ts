import { type Clock, sleep } from './clock.ts';
import type { Platform, RootMaterial } from './platform.ts';

const RETRY_MS = 1_000;

/** The leader makes the root when there is none; the others wait for it. Rejects when the signal aborts. */
export async function awaitRoot(
  platform: Pick<Platform, 'loadRoot' | 'createRoot' | 'leadership'>,
  clock: Clock,
  signal: AbortSignal,
  make: () => Promise<RootMaterial>,
): Promise<RootMaterial> {
  while (!signal.aborted) {
    const root = await platform.loadRoot();
    if (root !== undefined) return root;
    if (platform.leadership.isLeader) return platform.createRoot(await make());
    await sleep(clock, RETRY_MS, signal);
  }
  throw new Error('stopped before there was a root');
}

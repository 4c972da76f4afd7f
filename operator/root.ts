import { type Clock, sleep } from './clock.ts';
import {
  Authority,
  createRoot,
  DEFAULT_LEAF_LIFETIME_MS,
  DEFAULT_ROOT_LIFETIME_MS,
} from './identity/authority.ts';
import { toStored } from './identity/ca-state.ts';
import { RootRotation, type RootRotationOptions } from './identity/root-rotation.ts';
import { steady } from './identity/rotation.ts';
import type { Log } from './log.ts';
import type { Platform, StoredRoots } from './platform.ts';

const RETRY_MS = 1_000;
const DEFAULT_ROTATE_ROOT_AFTER = 0.8;

export interface RootOptions {
  readonly platform: Pick<
    Platform,
    'loadRoot' | 'createRoot' | 'replaceRoots' | 'publishRotation' | 'leadership'
  >;
  readonly trustDomain: string;
  readonly leafLifetimeMs?: number;
  readonly rootLifetimeMs?: number;
  /** of a root's life, after which the next one is made; in (0, 1) */
  readonly rotateRootAfter?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The authority, of the root that is there or a new one, and what keeps its root young. A root that ended while
 * nobody ran has been followed by another when this resolves. Rejects when the signal aborts.
 */
export async function openAuthority(
  options: RootOptions,
  observe: RootRotationOptions['observe'],
  signal: AbortSignal,
): Promise<{ readonly authority: Authority; readonly rotation: RootRotation }> {
  const { platform, clock, log, trustDomain, rootLifetimeMs = DEFAULT_ROOT_LIFETIME_MS } = options;
  const settings = {
    leafLifetimeMs: options.leafLifetimeMs ?? DEFAULT_LEAF_LIFETIME_MS,
    rotateAfter: options.rotateRootAfter ?? DEFAULT_ROTATE_ROOT_AFTER,
  };
  const makeRoot = () => createRoot(trustDomain, clock.unixMs(), rootLifetimeMs);
  const make = async () => toStored(steady(await makeRoot(), settings, clock.unixMs()), undefined);
  const root = await awaitRoot(platform, clock, signal, make);
  const authority = await Authority.load(root, settings.leafLifetimeMs);
  const rotation = new RootRotation({ platform, authority, settings, makeRoot, observe, clock, log });
  await rotation.look();
  return { authority, rotation };
}

/** The leader makes the root when there is none; the others wait for it. Rejects when the signal aborts. */
export async function awaitRoot(
  platform: Pick<Platform, 'loadRoot' | 'createRoot' | 'leadership'>,
  clock: Clock,
  signal: AbortSignal,
  make: () => Promise<StoredRoots>,
): Promise<StoredRoots> {
  while (!signal.aborted) {
    const root = await platform.loadRoot();
    if (root !== undefined) return root;
    if (platform.leadership.isLeader) return platform.createRoot(await make());
    await sleep(clock, RETRY_MS, signal);
  }
  throw new Error('stopped before there was a root');
}

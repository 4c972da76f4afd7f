import { type Clock, sleep } from './clock.ts';
import {
  Authority,
  createRoot,
  DEFAULT_LEAF_LIFETIME_MS,
  DEFAULT_ROOT_LIFETIME_MS,
  type LeafRequest,
} from './identity/authority.ts';
import { toStored } from './identity/ca-state.ts';
import { Issuer } from './identity/issuer.ts';
import { waitingReport } from './identity/report.ts';
import { RootRotation, type RootRotationOptions } from './identity/root-rotation.ts';
import { type RotationSettings, steady } from './identity/rotation.ts';
import { describeError, type Log } from './log.ts';
import type { Platform, RootMaterial, StoredRoots } from './platform.ts';

const RETRY_MS = 1_000;
const DEFAULT_ROTATE_ROOT_AFTER = 0.8;
/** Between an issuer's signature and the moment the leaf is handed out. */
const ISSUING_MAX_MS = 60_000;

export interface RootOptions {
  readonly platform: Pick<
    Platform,
    'loadRoot' | 'createRoot' | 'replaceRoots' | 'publishRotation' | 'leadership' | 'issuer'
  >;
  readonly trustDomain: string;
  readonly leafLifetimeMs?: number;
  readonly rootLifetimeMs?: number;
  /** of a root's life, after which the next one is made; in (0, 1) */
  readonly rotateRootAfter?: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/**
 * The authority, of the root that is there or a new one, and what keeps its root young. A root that ended while
 * nobody ran has been followed by another when this resolves. Rejects when the signal aborts.
 * @param ownRequest what the operator's own certificate names
 */
export async function openAuthority(
  options: RootOptions,
  ownRequest: LeafRequest,
  observe: RootRotationOptions['observe'],
  signal: AbortSignal,
): Promise<{ readonly authority: Authority; readonly rotation: RootRotation }> {
  const { platform, clock, log, random } = options;
  const leafLifetimeMs = options.leafLifetimeMs ?? DEFAULT_LEAF_LIFETIME_MS;
  const client = platform.issuer;
  const issuer = client && new Issuer({ client, ownRequest, clock, random, log });
  const settings = settingsOf(options, leafLifetimeMs, issuer !== undefined);
  const { trustDomain, rootLifetimeMs = DEFAULT_ROOT_LIFETIME_MS } = options;
  const makeRoot = () => createRoot(trustDomain, clock.unixMs(), rootLifetimeMs);
  const first = issuer === undefined ? makeRoot : () => rootOf(issuer, leafLifetimeMs, options, signal);
  const make = async () => toStored(steady(await first(), settings, clock.unixMs()), undefined);
  const root = await awaitRoot(platform, clock, signal, make);
  const authority = await Authority.load(root, leafLifetimeMs, issuer);
  const parts = { platform, authority, settings, makeRoot, observe, clock, log };
  const rotation = new RootRotation({ ...parts, ...(issuer && { issuer }) });
  await rotation.look();
  return { authority, rotation };
}

function settingsOf(options: RootOptions, leafLifetimeMs: number, isExternal: boolean): RotationSettings {
  const rotateAfter = options.rotateRootAfter ?? DEFAULT_ROTATE_ROOT_AFTER;
  if (!isExternal) return { leafLifetimeMs, rotateAfter };
  // a leaf of an issuer is some time on its way, and is counted from when it is handed out
  const onTheWayMs = Math.ceil(Math.min(ISSUING_MAX_MS, leafLifetimeMs / 8));
  return { leafLifetimeMs: leafLifetimeMs + onTheWayMs, rotateAfter, isExternal };
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

/** The root with which an issuer signs: it says so with its first answer. Rejects when the signal aborts. */
async function rootOf(
  issuer: Issuer,
  lifetimeMs: number,
  { platform, clock, log }: RootOptions,
  signal: AbortSignal,
): Promise<RootMaterial> {
  while (!signal.aborted) {
    await issuer.probe(lifetimeMs, []);
    if (issuer.offered !== undefined) return { certificate: issuer.offered, privateKey: '' };
    const report = waitingReport(clock.unixMs(), issuer.report(false));
    await platform.publishRotation(`${JSON.stringify(report, undefined, 2)}\n`).catch((error: unknown) => {
      log.warn({ error: describeError(error) }, 'it could not be reported that there is no root yet');
    });
    await sleep(clock, RETRY_MS, signal);
  }
  throw new Error('stopped before the issuer has signed anything');
}

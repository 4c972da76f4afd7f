import type { Version } from '../../api/version.ts';
import type { Held } from '../publish/acks.ts';
import { BadMessageError, isKey, isRoots, isText, isVersion, parseObject } from '../publish/messages.ts';

/**
 * What a follower tells the leader: one long-lived `POST /v1/acks` over HTTP/2 and mTLS between operators,
 * newline-delimited JSON. First `replica`, then its whole table, then `replayed`, then what changes. Between
 * replicas of one installation only, so it is no part of api/; unknown types are ignored, as on the stream.
 */
export const ACKS_PATH = '/v1/acks';
export const REPORT_PING_INTERVAL_MS = 5_000;

export type ReportMessage =
  /** the first: the name of the pod */
  | { readonly type: 'replica'; readonly name: string }
  | ProxyMessage
  | DestinationHeldMessage
  /** those that the replica itself trusts; told again when they change */
  | { readonly type: 'roots'; readonly roots: readonly string[] }
  /** the workload went */
  | { readonly type: 'gone'; readonly workload: string }
  /** all that was there at the start has been told */
  | { readonly type: 'replayed' }
  | { readonly type: 'ping' };

export interface ProxyMessage {
  readonly type: 'proxy';
  readonly workload: string;
  /** which of the sidecar's connections; a new one has no destinations yet */
  readonly connection: number;
  readonly connected: boolean;
  readonly sinceMs: number;
  readonly config: Held;
  readonly roots?: readonly string[];
}
export interface DestinationHeldMessage {
  readonly type: 'destination';
  readonly workload: string;
  readonly connection: number;
  readonly key: string;
  /** absent: no longer subscribed to */
  readonly held?: Held;
}

/** Undefined: a type this version does not know. Throws BadMessageError. */
export function parseReportMessage(line: string): ReportMessage | undefined {
  const value = parseObject(line);
  if (value.type === 'replica') require(isText(value.name) && value.name !== '', 'name');
  else if (value.type === 'proxy') {
    requireWorkload(value);
    require(typeof value.connected === 'boolean', 'connected');
    require(Number.isSafeInteger(value.sinceMs), 'sinceMs');
    require(isHeld(value.config), 'config');
    require(value.roots === undefined || isRoots(value.roots), 'roots');
  } else if (value.type === 'destination') {
    requireWorkload(value);
    require(isKey(value.key), 'key');
    require(value.held === undefined || isHeld(value.held), 'held');
  } else if (value.type === 'roots') require(isRoots(value.roots), 'roots');
  else if (value.type === 'gone') require(isText(value.workload), 'workload');
  else if (typeof value.type !== 'string') throw new BadMessageError('a message has no type');
  else if (value.type !== 'replayed' && value.type !== 'ping') return undefined;
  return value as unknown as ReportMessage;
}

function requireWorkload(value: Record<string, unknown>): void {
  require(isText(value.workload), 'workload');
  require(Number.isSafeInteger(value.connection), 'connection');
}

function require(fits: boolean, name: string): void {
  if (!fits) throw new BadMessageError(`${name} is not as expected`);
}

function isHeld(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { sent, acked, refused } = value as Partial<Record<keyof Held, unknown>>;
  return isVersionOrAbsent(sent) && isVersionOrAbsent(acked) && isRefusalOrAbsent(refused);
}
function isVersionOrAbsent(value: unknown): value is Version | undefined {
  return value === undefined || isVersion(value);
}
function isRefusalOrAbsent(value: unknown): boolean {
  if (value === undefined) return true;
  const { version, reason } = (value ?? {}) as { version?: unknown; reason?: unknown };
  return isVersion(version) && isText(reason);
}

import { ROOTS_MAX, type SidecarMessage } from '../../api/stream.ts';
import type { Version } from '../../api/version.ts';

/** What a sidecar says is checked like what anybody says: it may be anyone's code in that pod. */

const KEY_MAX_LENGTH = 320;
const TEXT_MAX_LENGTH = 4096;
const POLICIES_MAX = 10_000;
const UID_MAX_LENGTH = 128;

/** Undefined: a type this version does not know, which is ignored. Throws BadMessageError. */
export function parseSidecarMessage(line: string): SidecarMessage | undefined {
  const value = parseObject(line);
  switch (value.type) {
    case 'hello':
      text(value.proxyId, 'proxyId');
      text(value.agent, 'agent');
      if (value.version !== undefined) version(value.version);
      if (value.roots !== undefined) roots(value.roots);
      break;
    case 'trusts':
      roots(value.roots);
      break;
    case 'nack':
      text(value.reason, 'reason');
      held(value);
      break;
    case 'ack':
      held(value);
      break;
    case 'subscribe':
    case 'unsubscribe':
      key(value.key, 'key');
      break;
    case 'ping':
      break;
    default:
      if (typeof value.type !== 'string') throw new BadMessageError('a message has no type');
      return undefined;
  }
  return value as unknown as SidecarMessage;
}

/** The message never quotes what was received. */
export class BadMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadMessageError';
  }
}

export function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new BadMessageError('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadMessageError('not a JSON object');
  }
  return value as Record<string, unknown>;
}

function held(value: Record<string, unknown>): void {
  if (value.destination !== undefined) key(value.destination, 'destination');
  version(value.version);
}

function text(value: unknown, name: string): void {
  if (!isText(value)) throw new BadMessageError(`${name} is not a text`);
}

function key(value: unknown, name: string): void {
  if (!isKey(value)) throw new BadMessageError(`${name} is not the key of a destination`);
}

function roots(value: unknown): void {
  if (!isRoots(value)) throw new BadMessageError('roots are not fingerprints');
}

function version(value: unknown): asserts value is Version {
  if (!isVersion(value)) throw new BadMessageError('version is not a version');
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_MAX_LENGTH;
}

export function isKey(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= KEY_MAX_LENGTH;
}

export function isRoots(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= ROOTS_MAX && value.every(isFingerprint);
}

function isFingerprint(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

export function isVersion(value: unknown): value is Version {
  const { hash, policies } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Version>;
  return typeof hash === 'string' && hash.length >= 1 && hash.length <= 64 && isGenerations(policies);
}

function isGenerations(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const generations = Object.entries(value);
  return (
    generations.length <= POLICIES_MAX &&
    generations.every(
      ([uid, each]) => uid.length <= UID_MAX_LENGTH && Number.isSafeInteger(each) && each >= 0,
    )
  );
}

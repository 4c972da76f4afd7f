import { createHash } from 'node:crypto';
import { API_VERSION } from '../../api/names.ts';
import type { Clock } from '../clock.ts';
import type { PlatformEvent } from '../platform.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from './api-error.ts';
import { EVENTS, namespacedPath, objectPath } from './resources.ts';

/** An event that repeats is written at most this often; in between it is only counted. */
const REPEAT_MS = 60_000;
const MAX_REMEMBERED = 2_000;
/** The API server refuses longer messages. */
const MESSAGE_MAX_LENGTH = 1024;

interface Seen {
  count: number;
  writtenMs: number;
  readonly first: string;
}

/**
 * Events on pods and policies. The same event again counts up the one that is there: its name is made of what
 * it says, so replicas and restarts find it too.
 */
export class EventRecorder {
  readonly #api: ApiClient;
  readonly #clock: Clock;
  /** name of the event → how often it was; the least recent is forgotten first */
  readonly #seen = new Map<string, Seen>();

  constructor(api: ApiClient, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  async record(event: PlatformEvent): Promise<void> {
    const name = eventName(event);
    const nowMs = this.#clock.unixMs();
    const seen = this.#count(name, nowMs);
    if (seen.count > 1 && nowMs - seen.writtenMs < REPEAT_MS) return;
    seen.writtenMs = nowMs;
    try {
      await this.#write(event, name, seen, new Date(nowMs).toISOString());
    } catch (error) {
      if (!isNamespaceTerminating(error) && !isNotFound(error)) throw error;
    }
  }

  #count(name: string, nowMs: number): Seen {
    const seen = this.#seen.get(name) ?? { count: 0, writtenMs: nowMs, first: new Date(nowMs).toISOString() };
    seen.count += 1;
    this.#seen.delete(name);
    this.#seen.set(name, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_REMEMBERED) this.#seen.delete(oldest!);
    return seen;
  }

  async #write(event: PlatformEvent, name: string, seen: Seen, now: string): Promise<void> {
    const { namespace } = event.about;
    const times = { count: seen.count, firstTimestamp: seen.first, lastTimestamp: now };
    try {
      const body = { ...eventObject(event, name), ...times };
      await this.#api.request('POST', namespacedPath(EVENTS, namespace), { body });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await this.#api.request('PATCH', objectPath(EVENTS, namespace, name), {
        contentType: 'application/merge-patch+json',
        body: { count: seen.count, lastTimestamp: now },
      });
    }
  }
}

function eventName({ about, type, reason, message }: PlatformEvent): string {
  const said = JSON.stringify([about.kind, about.uid, type, reason, message]);
  return `weft.${createHash('sha256').update(said).digest('hex').slice(0, 32)}`;
}

function eventObject({ about, type, reason, message }: PlatformEvent, name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: about.namespace },
    involvedObject: { ...about, apiVersion: about.kind === 'Pod' ? 'v1' : API_VERSION },
    type,
    reason,
    message: message.slice(0, MESSAGE_MAX_LENGTH),
    source: { component: 'weft-operator' },
    reportingComponent: 'weft.dev/operator',
    reportingInstance: 'weft-operator',
  };
}

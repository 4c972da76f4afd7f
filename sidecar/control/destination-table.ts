import type { Destination } from '../../api/destination.ts';
import { validateDestination } from '../../api/validate-proxy-config.ts';
import type { Version } from '../../api/version.ts';
import type { DestinationTable, Resolution } from '../proxy-state.ts';
import { list } from './check-config.ts';
import { routesProblem } from './check-routes.ts';
import type { Clock } from './clock.ts';
import type { KnownDestination } from './known-destination.ts';
import { olderThanHeld, readVersion } from './version.ts';

/** The way to ask the control plane; the stream. */
export interface DestinationLink {
  isUp(): boolean;
  /** false: down for longer than a connection takes to come back, so asking is of no use */
  canAsk(): boolean;
  subscribe(key: string): void;
  unsubscribe(key: string): void;
}

export type Received =
  | { readonly type: 'ack'; readonly version: Version }
  | { readonly type: 'nack'; readonly version: Version; readonly reason: string }
  | { readonly type: 'none' };

export interface DestinationTableOptions {
  readonly link: DestinationLink;
  readonly clock: Clock;
  /** how long a connection of the app may wait for an answer, asked anew each time */
  readonly waitMs: () => number;
  readonly entriesMax?: number;
  readonly idleMs?: number;
}

interface Entry {
  /** undefined: asked, not answered */
  value: Destination | null | undefined;
  usedMs: number;
  waiting: ((answer: Resolution) => void)[];
  cancelWait: () => void;
}

/** the control plane ends a stream that subscribes to more */
const ENTRIES_MAX = 4096;
const IDLE_MS = 10 * 60_000;
/** So many in the mesh, and as many outside of it, are kept for longer: what is called once an hour, say. */
const KEPT_MAX = 64;
const KEPT_MS = 24 * 60 * 60_000;
const SWEEP_MS = 60_000;
/** connections that wait for one answer; more than that are told `unreachable` at once */
const WAITING_MAX = 1_000;
const KEY_MAX_CHARACTERS = 320;

/** Destinations on demand: asked when first seen, followed while in use, dropped when idle and one of many. */
export class Destinations implements DestinationTable {
  readonly #link: DestinationLink;
  readonly #clock: Clock;
  readonly #entriesMax: number;
  readonly #waitMs: () => number;
  readonly #idleMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners: ((key: string, destination: Destination | null | undefined) => void)[] = [];
  #isInUse: (key: string) => boolean = () => false;
  #cancelSweep: () => void = () => {};

  constructor(options: DestinationTableOptions) {
    this.#link = options.link;
    this.#clock = options.clock;
    this.#entriesMax = options.entriesMax ?? ENTRIES_MAX;
    this.#waitMs = options.waitMs;
    this.#idleMs = options.idleMs ?? IDLE_MS;
  }

  get size(): number {
    return this.#entries.size;
  }

  start(): void {
    this.#cancelSweep = this.#clock.after(SWEEP_MS, () => {
      this.#dropIdle();
      this.start();
    });
  }

  /** Nobody answers any more. */
  stop(): void {
    this.#cancelSweep();
    for (const entry of this.#entries.values()) this.#answer(entry, 'unreachable');
  }

  resolve(key: string, done: (answer: Resolution) => void): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#ask(key, done);
      return;
    }
    entry.usedMs = this.#clock.nowMs();
    if (entry.value !== undefined) done(entry.value);
    else if (this.#link.canAsk()) this.#wait(entry, done);
    else done('unreachable');
  }

  has(key: string): boolean {
    return this.#entries.get(key)?.value !== undefined;
  }

  onChange(listener: (key: string, destination: Destination | null | undefined) => void): void {
    this.#listeners.push(listener);
  }

  keepWhile(isInUse: (key: string) => boolean): void {
    this.#isInUse = isInUse;
  }

  /** What must be subscribed to again on a new connection. */
  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  /** What is known, the most recently used first. */
  known(): { readonly key: string; readonly destination: Destination | null }[] {
    return this.#byUse()
      .filter(([, entry]) => entry.value !== undefined)
      .map(([key, entry]) => ({ key, destination: entry.value! }));
  }

  /**
   * What an earlier process knew, or pods of this kind call as the mounted Secret says, the most recently used first.
   * What is known already stays, and who waits is answered. Entries that are not valid, and those there is no room for,
   * are left out.
   */
  restore(known: readonly KnownDestination[]): void {
    const nowMs = this.#clock.nowMs();
    known.forEach(({ key, destination }, index) => {
      const isFull = this.#entries.size >= this.#entriesMax && !this.#entries.has(key);
      if (isFull || this.has(key) || (destination !== null && refuse(key, destination) !== undefined)) return;
      this.#set(key, destination as Destination | null);
      this.#entries.get(key)!.usedMs = nowMs - index;
    });
  }

  /** The stream has answered, or tells of a change. Also of what was not asked: prewarming. */
  receive(key: string, value: unknown): Received {
    if (typeof key !== 'string' || key.length === 0 || key.length > KEY_MAX_CHARACTERS)
      return { type: 'none' };
    if (value === null) {
      this.#set(key, null);
      return { type: 'none' };
    }
    const version = readVersion((value as Destination | undefined)?.version);
    const reason = refuse(key, value) ?? this.#olderThanHeld(key, value as Destination);
    if (reason === undefined) this.#set(key, value as Destination);
    if (version === undefined) return { type: 'none' };
    return reason === undefined ? { type: 'ack', version } : { type: 'nack', version, reason };
  }

  #ask(key: string, done: (answer: Resolution) => void): void {
    // what is known makes room only for what somebody is there to tell
    const isFull = this.#entries.size >= this.#entriesMax && !this.#link.isUp();
    if (isFull || !this.#link.canAsk() || key.length > KEY_MAX_CHARACTERS) {
      done('unreachable');
      return;
    }
    this.#wait(this.#add(key), done);
    this.#link.subscribe(key);
  }

  #wait(entry: Entry, done: (answer: Resolution) => void): void {
    if (entry.waiting.length >= WAITING_MAX) {
      done('unreachable');
      return;
    }
    if (entry.waiting.length === 0) {
      entry.cancelWait = this.#clock.after(this.#waitMs(), () => this.#answer(entry, 'unreachable'));
    }
    entry.waiting.push(done);
  }

  #answer(entry: Entry, answer: Resolution): void {
    entry.cancelWait();
    const waiting = entry.waiting;
    entry.waiting = [];
    for (const done of waiting) done(answer);
  }

  #set(key: string, value: Destination | null): void {
    const known = this.#entries.get(key);
    const entry = known ?? this.#add(key);
    // subscribed to as well, or it would never be heard of again
    if (known === undefined) this.#link.subscribe(key);
    const before = entry.value;
    entry.value = value;
    if (before !== undefined && !isSame(before, value)) this.#tell(key, value);
    this.#answer(entry, value);
  }

  #olderThanHeld(key: string, destination: Destination): string | undefined {
    const held = this.#entries.get(key)?.value;
    return held ? olderThanHeld(held.version, destination.version) : undefined;
  }

  #add(key: string): Entry {
    if (this.#entries.size >= this.#entriesMax) this.#evict();
    const entry: Entry = { value: undefined, usedMs: this.#clock.nowMs(), waiting: [], cancelWait: () => {} };
    this.#entries.set(key, entry);
    return entry;
  }

  /** The least recently used hundredth at once, so that a flood of new keys does not sort for each. */
  #evict(): void {
    const oldest = [...this.#entries].sort(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [key] of oldest.slice(0, Math.ceil(this.#entriesMax / 100))) this.#drop(key);
  }

  /** Not while the stream is down: nobody could tell it again. */
  #dropIdle(): void {
    if (!this.#link.isUp()) return;
    const nowMs = this.#clock.nowMs();
    const room = { inMesh: KEPT_MAX, outside: KEPT_MAX };
    for (const [key, { value, usedMs }] of this.#byUse()) {
      const isKept = value !== undefined && room[value === null ? 'outside' : 'inMesh']-- > 0;
      if (nowMs - usedMs >= (isKept ? KEPT_MS : this.#idleMs) && !this.#isInUse(key)) this.#drop(key);
    }
  }

  #byUse(): [string, Entry][] {
    return [...this.#entries].sort(([, a], [, b]) => b.usedMs - a.usedMs);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)!;
    this.#entries.delete(key);
    this.#link.unsubscribe(key);
    if (entry.value !== undefined) this.#tell(key, undefined);
    this.#answer(entry, 'unreachable');
  }

  #tell(key: string, destination: Destination | null | undefined): void {
    for (const listener of this.#listeners) listener(key, destination);
  }
}

function isSame(a: Destination | null, b: Destination | null): boolean {
  return a === b || (a !== null && b !== null && a.version.hash === b.version.hash);
}

function refuse(key: string, value: unknown): string | undefined {
  const problems = validateDestination(value);
  if (problems.length > 0) return `the destination is not valid: ${list(problems)}`;
  const destination = value as Destination;
  if (destination.key !== key) return 'the destination names another key';
  return routesProblem(destination);
}

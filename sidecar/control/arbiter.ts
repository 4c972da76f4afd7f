import type { Version } from '../../api/version.ts';
import { type Log, messageOf } from '../log.ts';
import type { Identity } from '../proxy-state.ts';
import { type IdentityTexts, readIdentity } from './certificate.ts';
import { checkBelongTogether, checkConfig } from './check-config.ts';
import type { Clock } from './clock.ts';
import type { AppliedState } from './proxy-state.ts';
import type { SavedCore } from './saved-core.ts';
import { parseTexts } from './saved-core.ts';
import { isOlderBundle, rootsOf } from './trust-bundle.ts';
import { acknowledge, compareMounted, compareStreamed, EMPTY_HISTORY, type History } from './version.ts';

export type Source = 'mount' | 'stream';

export type Verdict =
  | { readonly outcome: 'applied' | 'same' }
  | { readonly outcome: 'refused'; readonly reason: string }
  /** from the mount, which is brought up to date later than the stream: no fault */
  | { readonly outcome: 'stale'; readonly reason: string };

export interface ArbiterOptions {
  readonly state: AppliedState;
  readonly proxyId: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Decides whether what a source offers is taken, and remembers what was acknowledged. */
export class Arbiter {
  readonly rejected: Record<Source, number> = { mount: 0, stream: 0 };
  readonly #options: ArbiterOptions;
  #history: History = EMPTY_HISTORY;
  /** why the newest offer was refused; undefined once one was taken */
  reason: string | undefined;

  constructor(options: ArbiterOptions) {
    this.#options = options;
  }

  get history(): History {
    return this.#history;
  }

  /** What was in force before the restart. The identity is taken only if it is still good. */
  restore(core: SavedCore): void {
    const { state, log } = this.#options;
    this.#history = core.history;
    if (core.identity !== undefined) this.#restoreIdentity(core.identity);
    if (core.config === undefined) return;
    const applied = state.applyConfig(core.config);
    if (applied.ok) {
      log.info('the snapshot is in force', { hash: core.config.version.hash });
      return;
    }
    this.#history = { ...core.history, current: undefined };
    log.warn('the snapshot cannot be put in force', { reason: applied.reason });
  }

  offerConfig(value: unknown, source: Source): Verdict {
    const { state, proxyId } = this.#options;
    try {
      const config = checkConfig(value, proxyId);
      if (state.identity !== undefined) checkBelongTogether(config, state.identity);
      const order = this.#compare(config.version, source);
      if (order.order === 'same') return { outcome: 'same' };
      if (order.order === 'older') return this.#older(order.reason, source);
      const applied = state.applyConfig(config);
      if (!applied.ok) return this.refuse(applied.reason, source);
      this.#history = acknowledge(this.#history, config.version);
      this.reason = undefined;
      this.#options.log.info('a configuration is in force', { source, hash: config.version.hash });
      return { outcome: 'applied' };
    } catch (error) {
      return this.refuse(messageOf(error), source);
    }
  }

  /** `streamIsUp` matters for the mount only, which may then still show an older trust bundle. */
  offerIdentity(value: unknown, source: Source, streamIsUp: boolean): Verdict {
    const { state } = this.#options;
    try {
      const texts = parseTexts(value);
      const identity = this.#read(texts);
      if (state.config !== undefined) checkBelongTogether(state.config, identity);
      if (state.identity !== undefined && isSame(state.identity, identity)) return { outcome: 'same' };
      if (source === 'mount' && !isNewer(state.identity, identity, streamIsUp)) {
        if (isNewerBundle(state.identity!, texts.trustBundle))
          return this.offerBundle(texts.trustBundle, source);
        return { outcome: 'stale', reason: 'another identity was taken later' };
      }
      this.#apply(identity, source);
      return { outcome: 'applied' };
    } catch (error) {
      return this.refuse(messageOf(error), source);
    }
  }

  /**
   * A certificate may come with an older trust bundle than the one in force: from the mount, or from a replica that
   * has not seen the newest. Then it is taken without it, unless it is of a root that the one in force lacks: who
   * numbers bundles has begun anew.
   */
  #read(texts: IdentityTexts): Identity {
    const { state, clock } = this.#options;
    const held = state.identity?.trustBundle;
    if (held !== undefined && isOlderBundle(texts.trustBundle, held)) {
      try {
        return readIdentity({ ...texts, trustBundle: held }, clock.nowMs());
      } catch {
        // judged as it came, below
      }
    }
    return readIdentity(texts, clock.nowMs());
  }

  #apply(identity: Identity, source: Source): void {
    const { state, log } = this.#options;
    state.applyIdentity(identity);
    log.info('an identity is in force', {
      source,
      spiffeId: identity.spiffeId,
      notAfter: new Date(identity.notAfterMs).toISOString(),
      roots: rootsOf(identity.trustBundle).length,
    });
  }

  /** The roots alone; certificate and key stay. */
  offerBundle(trustBundle: unknown, source: Source): Verdict {
    const { identity } = this.#options.state;
    if (typeof trustBundle !== 'string') return this.refuse('the trust bundle is not a text', source);
    if (identity === undefined)
      return { outcome: 'stale', reason: 'there is no identity to verify others with' };
    if (isOlderBundle(trustBundle, identity.trustBundle)) {
      return { outcome: 'stale', reason: 'a newer trust bundle is in force' };
    }
    if (trustBundle === identity.trustBundle) return { outcome: 'same' };
    try {
      this.#apply(readIdentity({ ...identity, trustBundle }, this.#options.clock.nowMs()), source);
      return { outcome: 'applied' };
    } catch (error) {
      return this.refuse(messageOf(error), source);
    }
  }

  /** Counts and logs what cannot be taken; what is in force stays. */
  refuse(reason: string, source: Source): Verdict {
    this.rejected[source] += 1;
    this.reason = reason;
    this.#options.log.error('refused; what was in force stays', { source, reason });
    return { outcome: 'refused', reason };
  }

  #restoreIdentity(texts: IdentityTexts): void {
    try {
      this.#options.state.applyIdentity(readIdentity(texts, this.#options.clock.nowMs()));
    } catch (error) {
      this.#options.log.warn('the identity of the snapshot is of no use', { reason: messageOf(error) });
    }
  }

  /** With nothing in force anything that is not provably older will do. */
  #compare(version: Version, source: Source) {
    const compare =
      source === 'stream' || this.#options.state.config === undefined ? compareStreamed : compareMounted;
    return compare(this.#history, version);
  }

  #older(why: string, source: Source): Verdict {
    const reason = `older than what is in force: ${why}`;
    if (source === 'stream' || this.#options.state.config === undefined) return this.refuse(reason, source);
    this.#options.log.info('the mount is behind', { reason });
    return { outcome: 'stale', reason };
  }
}

function isSame(a: Identity, b: Identity): boolean {
  return a.certificate === b.certificate && a.privateKey === b.privateKey && a.trustBundle === b.trustBundle;
}

function isNewerBundle(held: Identity, trustBundle: string): boolean {
  return isOlderBundle(held.trustBundle, trustBundle);
}

function isNewer(held: Identity | undefined, offered: Identity, streamIsUp: boolean): boolean {
  if (held === undefined || offered.notAfterMs > held.notAfterMs) return true;
  return !streamIsUp && offered.notAfterMs === held.notAfterMs;
}

import type { Version } from '../../api/version.ts';
import type { Workload } from '../mesh/model.ts';
import type { TokenHolder } from '../platform.ts';

/** PEM. */
export interface IssuedIdentity {
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
}
export interface Trust {
  readonly trustBundle: string;
  readonly roots: readonly string[];
}
/** Of lists without repetition. */
export function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
/** JSON that is sent as it is, and what it is a version of; a destination that is null has none. */
export interface Versioned {
  readonly version: Version | undefined;
  readonly text: string;
}

/** What streams tell, read anew each time something is written: the newest is always right. */
export interface StreamSource {
  /** the live workload this proxy id belongs to */
  find(proxyId: string): Workload | undefined;
  /** undefined: not compiled */
  config(workload: Workload): Versioned | undefined;
  destination(key: string, workload: Workload): Versioned;
  /** what was issued last, if this replica knows */
  identity(workload: Workload): IssuedIdentity | undefined;
  /** PEM of the roots in force, and their fingerprints */
  trust(): Trust;
  /** issues when there is none or it is due */
  ensureIdentity(workload: Workload): Promise<IssuedIdentity>;
  reviewToken(token: string): Promise<TokenHolder | undefined>;
}

/** The server listens before the mesh is there, because the mesh tells sidecars where it listens. */
export function lateSource(source: () => StreamSource | undefined): StreamSource {
  return {
    find: (proxyId) => source()?.find(proxyId),
    config: (workload) => source()?.config(workload),
    destination: (key, workload) =>
      source()?.destination(key, workload) ?? { version: undefined, text: 'null' },
    identity: (workload) => source()?.identity(workload),
    trust: () => source()?.trust() ?? { trustBundle: '', roots: [] },
    ensureIdentity: (workload) => source()?.ensureIdentity(workload) ?? Promise.reject(new Error('starting')),
    reviewToken: async (token) => source()?.reviewToken(token),
  };
}

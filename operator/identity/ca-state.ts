import { X509Certificate } from 'node:crypto';
import type { RootMaterial, StoredRoots } from '../platform.ts';
import { certificatesIn, fingerprintOf } from './trust-bundle.ts';

/**
 * Where the rotation of the root is:
 *
 * - `Steady`: one root.
 * - `Distributing`: the next root is trusted and signs nothing, until everybody trusts it.
 * - `Renewing`: the new root signs; the previous one is trusted until its last leaf has ended.
 * - `Retiring`: the previous root is not trusted any more; until everybody has dropped it.
 */
export const PHASES = ['Steady', 'Distributing', 'Renewing', 'Retiring'] as const;
export type Phase = (typeof PHASES)[number];

/** All that outlives the process, kept in one object that is written whole: any replica can go on from it. */
export interface CaState {
  readonly phase: Phase;
  /** since when, in milliseconds since 1970, like all times here */
  readonly sinceMs: number;
  /** grows with every change of the trust bundle */
  readonly serial: number;
  /** signs; without a private key, an issuer elsewhere does with its own */
  readonly issuing: RootMaterial;
  /** of Distributing */
  readonly next: RootMaterial | undefined;
  /** PEM, several when an issuer was faster than a rotation; of Renewing, and of a Distributing that came after it */
  readonly previous: string | undefined;
  /** when the root that signs is to be followed by another */
  readonly rotateAtMs: number;
  /** no leaf of the root that signs was made for longer */
  readonly leafLifetimeMs: number;
  /** when the last leaf of the previous roots has ended; as long as there are any */
  readonly retireAtMs: number | undefined;
  /** whom the last step did not wait for any longer */
  readonly silent: readonly string[];
}

/** The roots that are to be trusted, the one that signs first. PEM. */
export function trustedRoots({ issuing, next, previous }: CaState): string[] {
  const others = next === undefined ? [] : [next.certificate];
  return [issuing.certificate, ...others, ...certificatesIn(previous ?? '')];
}

export function fingerprintsOf(state: CaState): string[] {
  return trustedRoots(state).map(fingerprintOf);
}

export function endOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime();
}

/** As it is stored; `revision` is of what was read, and keeps two that write at the same time apart. */
export function toStored(state: CaState, revision: string | undefined): StoredRoots {
  const { issuing, next, previous, ...rotation } = state;
  const isExternal = issuing.privateKey === '';
  return {
    certificate: issuing.certificate,
    privateKey: issuing.privateKey,
    ...(next && { next }),
    ...(previous !== undefined && { previous }),
    rotation: JSON.stringify({ ...rotation, ...(isExternal && { isExternal }) }),
    ...(revision !== undefined && { revision }),
  };
}

/**
 * Undefined: stored by an operator that did not rotate, or by hand. Throws with what is wrong; the message holds
 * nothing of what was read.
 */
export function fromStored(stored: StoredRoots): CaState | undefined {
  if (stored.rotation === undefined) return undefined;
  const { certificate, privateKey, next, previous } = stored;
  const { isExternal, ...rotation } = parse(stored.rotation);
  const { phase, silent } = rotation;
  // a key that was lost must not pass for one that was never here
  check((privateKey === '') === (isExternal === true), 'the private key');
  const times = ['sinceMs', 'serial', 'rotateAtMs', 'leafLifetimeMs'] as const;
  check(PHASES.includes(phase as Phase), 'phase');
  for (const name of times) check(isTime(rotation[name]), name);
  check(rotation.retireAtMs === undefined || isTime(rotation.retireAtMs), 'retireAtMs');
  check(Array.isArray(silent) && silent.every((name) => typeof name === 'string'), 'silent');
  check((phase === 'Distributing') === (next !== undefined), 'the next root');
  const mayHavePrevious = phase === 'Renewing' || phase === 'Distributing';
  check(previous === undefined ? phase !== 'Renewing' : mayHavePrevious, 'the previous root');
  check(previous === undefined || rotation.retireAtMs !== undefined, 'retireAtMs');
  return {
    ...(rotation as unknown as Omit<CaState, 'issuing' | 'next' | 'previous'>),
    ...{ issuing: { certificate, privateKey }, next, previous },
    retireAtMs: rotation.retireAtMs as number | undefined,
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // said below, without the text
  }
  throw new Error('the state of the root’s rotation is not a JSON object');
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the state of the root’s rotation is wrong: ${what}`);
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

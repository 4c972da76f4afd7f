import { X509Certificate } from 'node:crypto';
import type { RootMaterial } from '../platform.ts';
import { type CaState, endOf, fingerprintsOf } from './ca-state.ts';
import { followIssuer } from './follow-issuer.ts';
import { certificatesIn, fingerprintOf } from './trust-bundle.ts';

/** The steps of a rotation, as functions of what is known. Nothing here reads a clock or writes. */

export interface RotationSettings {
  /** of the leaves to come */
  readonly leafLifetimeMs: number;
  /** of a root's life, after which the next one is made; in (0, 1) */
  readonly rotateAfter: number;
  /** an issuer elsewhere signs, and makes its roots */
  readonly isExternal?: boolean;
}

export interface Observed {
  readonly nowMs: number;
  /**
   * Everybody alive who verifies certificates, sidecars and other replicas, by name, with the fingerprints of the
   * roots that they say they trust; undefined: nothing was said.
   */
  readonly holders: ReadonlyMap<string, readonly string[] | undefined>;
  /** false: a replica that is there has not yet told what its sidecars hold */
  readonly isComplete: boolean;
  /** PEM of the root that the issuer elsewhere signs with; absent: not known */
  readonly offered?: string | undefined;
}

export type Step =
  /** `missing`: names that are waited for; empty: a time is */
  | { readonly kind: 'wait'; readonly missing: readonly string[] }
  /** make a root, then `begin` or `recover` with it */
  | { readonly kind: 'make'; readonly why: 'due' | 'expired' }
  | { readonly kind: 'write'; readonly state: CaState };

const SKEW_MAX_MS = 5 * 60 * 1000;
/** Of those who read the trust bundle late: the injector's file, and pods that were just made with the old one. */
const DWELL_MAX_MS = 5 * 60 * 1000;
/** That many lifetimes of leaves a rotation has, at least, before its root ends: each step takes one at most. */
const LIFETIMES_BEFORE_END = 4;
const SILENT_MAX = 100;

/** How far clocks may be apart. */
export function skewMs(leafLifetimeMs: number): number {
  return Math.min(SKEW_MAX_MS, leafLifetimeMs / 8);
}

/** The shortest time between a root that is trusted and one that signs. */
export function dwellMs(leafLifetimeMs: number): number {
  return Math.min(DWELL_MAX_MS, leafLifetimeMs / 8);
}

/** When the root is to be followed: at a fraction of its life, with time left for all steps. */
export function rotateAtMs(certificate: string, settings: RotationSettings): number {
  const root = new X509Certificate(certificate);
  const fromMs = root.validFromDate.getTime();
  const endMs = root.validToDate.getTime();
  const latestMs = endMs - LIFETIMES_BEFORE_END * settings.leafLifetimeMs;
  return Math.max(fromMs, Math.floor(Math.min(fromMs + (endMs - fromMs) * settings.rotateAfter, latestMs)));
}

/** Of a root that is alone. @param serialAfter of the state that is replaced */
export function steady(
  issuing: RootMaterial,
  settings: RotationSettings,
  nowMs: number,
  serialAfter = 0,
): CaState {
  return {
    ...{ phase: 'Steady', sinceMs: nowMs, serial: Math.max(nowMs, serialAfter + 1) },
    ...{ issuing, next: undefined, previous: undefined, retireAtMs: undefined, silent: [] },
    rotateAtMs: rotateAtMs(issuing.certificate, settings),
    leafLifetimeMs: settings.leafLifetimeMs,
  };
}

/** What is to be done now; `settings` may be others than those the state was written under. */
export function nextStep(state: CaState, settings: RotationSettings, observed: Observed): Step {
  if (observed.nowMs >= endOf(state.issuing.certificate)) return expired(state, settings, observed);
  const changedState = adapt(state, settings) ?? follow(state, settings, observed);
  if (changedState !== undefined) return { kind: 'write', state: changedState };
  if (isLeftBehind(state, settings)) return { kind: 'make', why: 'due' };
  switch (state.phase) {
    case 'Steady':
      return !settings.isExternal && observed.nowMs >= state.rotateAtMs
        ? { kind: 'make', why: 'due' }
        : wait();
    case 'Distributing':
      return distribute(state, settings, observed);
    case 'Renewing':
      return observed.nowMs >= state.retireAtMs! ? { kind: 'write', state: retire(state, observed) } : wait();
    case 'Retiring':
      return settle(state, observed);
  }
}

function follow(state: CaState, { isExternal }: RotationSettings, observed: Observed): CaState | undefined {
  return isExternal ? followIssuer(state, observed.offered, observed.nowMs) : undefined;
}

/** The root is of an issuer that is not asked any more: one of our own follows it at once. */
function isLeftBehind({ phase, issuing }: CaState, { isExternal }: RotationSettings): boolean {
  return !isExternal && issuing.privateKey === '' && phase !== 'Distributing';
}

/** The next root is there: it is trusted from now on. */
export function begin(state: CaState, next: RootMaterial, nowMs: number): CaState {
  return { ...changed(state, nowMs), phase: 'Distributing', next, silent: [] };
}

/** Whether some root of the state has to be known to be trusted by everybody, and by whom it is not. */
function distribute(state: CaState, settings: RotationSettings, observed: Observed): Step {
  const next = fingerprintOf(state.next!.certificate);
  const missing = lacking(observed, (roots) => roots.includes(next));
  const { nowMs, isComplete } = observed;
  const isHeld = missing.length === 0 && isComplete;
  const isEnough = nowMs >= state.sinceMs + dwellMs(state.leafLifetimeMs);
  if ((isHeld && isEnough) || nowMs >= lastCallMs(state)) {
    return { kind: 'write', state: switchOver(state, settings, nowMs, missing) };
  }
  return { kind: 'wait', missing };
}

/**
 * Who was silent for a lifetime has no leaf that is valid, and must come by a way that brings the new root. A root
 * that ends before that leaves no choice: the others need time to renew.
 */
export function lastCallMs({ sinceMs, leafLifetimeMs, issuing }: CaState): number {
  return Math.min(sinceMs + leafLifetimeMs, endOf(issuing.certificate) - leafLifetimeMs / 4);
}

function switchOver(
  state: CaState,
  settings: RotationSettings,
  nowMs: number,
  missing: readonly string[],
): CaState {
  const { issuing, next, leafLifetimeMs, previous = '', retireAtMs = 0 } = state;
  const lastLeafMs = Math.min(nowMs + leafLifetimeMs, endOf(issuing.certificate));
  return {
    ...changed(state, nowMs),
    ...{ phase: 'Renewing', issuing: next!, next: undefined },
    previous: [issuing.certificate, ...certificatesIn(previous)].join(''),
    rotateAtMs: rotateAtMs(next!.certificate, settings),
    leafLifetimeMs: settings.leafLifetimeMs,
    retireAtMs: Math.max(retireAtMs, Math.ceil(lastLeafMs + skewMs(leafLifetimeMs))),
    silent: missing.slice(0, SILENT_MAX),
  };
}

function retire(state: CaState, { nowMs }: Observed): CaState {
  return { ...changed(state, nowMs), phase: 'Retiring', previous: undefined, retireAtMs: undefined };
}

/** Nobody is harmed by one that trusts a root which signs no more, so a silent one is only named. */
function settle(state: CaState, observed: Observed): Step {
  const wanted = fingerprintsOf(state);
  const missing = lacking(observed, (roots) => roots.every((root) => wanted.includes(root)));
  const isDone = missing.length === 0 && observed.isComplete;
  if (!isDone && observed.nowMs < state.sinceMs + state.leafLifetimeMs) return { kind: 'wait', missing };
  const silent = missing.slice(0, SILENT_MAX);
  return { kind: 'write', state: { ...state, phase: 'Steady', sinceMs: observed.nowMs, silent } };
}

/** Nothing that the root has signed is valid any more, so nobody needs it: the next one takes over at once. */
function expired(state: CaState, settings: RotationSettings, { nowMs, offered }: Observed): Step {
  const made =
    settings.isExternal && offered !== undefined ? { certificate: offered, privateKey: '' } : undefined;
  const next = [state.next, made].find((root) => root !== undefined && nowMs < endOf(root.certificate));
  if (next !== undefined) return { kind: 'write', state: steady(next, settings, nowMs, state.serial) };
  return settings.isExternal ? wait() : { kind: 'make', why: 'expired' };
}

/** Leaves may not live longer than the state says; the settings count from when they are written there. */
function adapt(state: CaState, settings: RotationSettings): CaState | undefined {
  const leafLifetimeMs = Math.max(state.leafLifetimeMs, settings.leafLifetimeMs);
  const atMs = rotateAtMs(state.issuing.certificate, { ...settings, leafLifetimeMs });
  if (leafLifetimeMs === state.leafLifetimeMs && atMs === state.rotateAtMs) return undefined;
  return { ...state, leafLifetimeMs, rotateAtMs: atMs };
}

function changed(state: CaState, nowMs: number): CaState {
  return { ...state, sinceMs: nowMs, serial: Math.max(nowMs, state.serial + 1) };
}

function lacking({ holders }: Observed, holds: (roots: readonly string[]) => boolean): string[] {
  const missing: string[] = [];
  for (const [name, roots] of holders) if (roots === undefined || !holds(roots)) missing.push(name);
  return missing.sort();
}

function wait(): Step {
  return { kind: 'wait', missing: [] };
}

import { type CaState, endOf } from './ca-state.ts';
import { begin, skewMs } from './rotation.ts';
import { certificatesIn, fingerprintOf } from './trust-bundle.ts';

/** That many roots an issuer may leave behind within a lifetime of leaves; one more waits. */
const PREVIOUS_MAX = 4;

/**
 * What changes because an issuer elsewhere signs with this root now; undefined: nothing. It announces nothing, so a
 * new root is found in what it has signed: from then on that root is the next one, whatever was under way.
 * @param offered PEM; undefined: not known
 */
export function followIssuer(
  state: CaState,
  offered: string | undefined,
  nowMs: number,
): CaState | undefined {
  if (offered === undefined || nowMs >= endOf(offered)) return undefined;
  const root = fingerprintOf(offered);
  const previous = certificatesIn(state.previous ?? '').map(fingerprintOf);
  if (root === fingerprintOf(state.issuing.certificate) || state.phase === 'Distributing') return undefined;
  if (previous.includes(root)) return keep(state, nowMs);
  if (previous.length >= PREVIOUS_MAX) return undefined;
  return begin(state, { certificate: offered, privateKey: '' }, nowMs);
}

/** It signs with an earlier one again, as after a restored backup: that one is not dropped as long as it does. */
function keep(state: CaState, nowMs: number): CaState | undefined {
  const { leafLifetimeMs, retireAtMs } = state;
  const neededMs = nowMs + leafLifetimeMs + 2 * skewMs(leafLifetimeMs);
  if (retireAtMs === undefined || retireAtMs >= neededMs) return undefined;
  return { ...state, retireAtMs: Math.ceil(neededMs + leafLifetimeMs / 4) };
}

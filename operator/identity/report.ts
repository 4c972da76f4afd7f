import { X509Certificate } from 'node:crypto';
import type { CaReport, IssuerReport, RootReport } from '../../api/ca-report.ts';
import type { CaState } from './ca-state.ts';
import { lastCallMs } from './rotation.ts';
import { certificatesIn, fingerprintOf } from './trust-bundle.ts';

const NAMED_MAX = 100;

/** What everybody may know: no key, and nothing that is not in certificates that every peer shows. */
export function reportOf(state: CaState, waitingFor: readonly string[], issuer?: IssuerReport): CaReport {
  const { phase, sinceMs, rotateAtMs, silent, issuing, next, previous } = state;
  const roots = [rootOf(issuing.certificate, 'signs')];
  if (next !== undefined) roots.push(rootOf(next.certificate, 'next'));
  for (const root of certificatesIn(previous ?? '')) roots.push(rootOf(root, 'previous'));
  return {
    phase,
    since: timeOf(sinceMs),
    until: timeOf(untilMs(state)),
    rotateAt: timeOf(rotateAtMs),
    roots,
    waitingFor: waitingFor.slice(0, NAMED_MAX),
    silent,
    ...(issuer && { issuer }),
  };
}

/** Before there is a root: nothing was signed yet. */
export function waitingReport(nowMs: number, issuer: IssuerReport): CaReport {
  const now = timeOf(nowMs);
  const times = { since: now, until: now, rotateAt: now };
  return { phase: 'Waiting', ...times, roots: [], waitingFor: [], silent: [], issuer };
}

/** When the next step comes, whoever is silent. */
function untilMs(state: CaState): number {
  switch (state.phase) {
    case 'Steady':
      return state.rotateAtMs;
    case 'Distributing':
      return lastCallMs(state);
    case 'Renewing':
      return state.retireAtMs!;
    case 'Retiring':
      return state.sinceMs + state.leafLifetimeMs;
  }
}

function rootOf(certificate: string, role: RootReport['role']): RootReport {
  const { subject, validFromDate, validToDate } = new X509Certificate(certificate);
  return {
    fingerprint: fingerprintOf(certificate),
    subject: subject.replaceAll('\n', ', '),
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
    role,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

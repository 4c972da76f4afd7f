import type { CaReport, IssuerReport } from '../../api/ca-report.ts';
import { table } from '../run/view.ts';
import type { CertsView, ProxyCerts } from './certs-view.ts';

const SHORT = 12;
const MEANINGS: Readonly<Record<string, string>> = {
  Steady: 'one root is trusted and signs; it is to be followed',
  Distributing: 'a new root is trusted, and signs once everybody trusts it, at the latest',
  Renewing: 'the new root signs; the old one is trusted until its last certificate has ended,',
  Retiring: 'the old root is not trusted any more; until everybody has dropped it, at the latest',
};
/** It follows its root when it likes. */
const MEANINGS_WITH_ISSUER: Readonly<Record<string, string>> = {
  Waiting: 'there is no root, as the issuer has not signed anything yet',
  Steady: 'one root is trusted, and the issuer signs with it',
};
const ROLES = { signs: 'signs', next: 'signs next', previous: 'signs no more' } as const;

/** Pure: the roots, how far their rotation is, and the certificate of each sidecar. */
export function certsText({ rotation, proxies, problems }: CertsView, nowMs: number): string[] {
  return [
    ...(rotation === undefined ? [] : [...rotationLines(rotation, nowMs), '']),
    ...proxyLines(proxies, rotation, nowMs),
    ...(problems.length === 0 ? [] : ['', ...problems.map((problem) => `! ${problem}`)]),
  ];
}

function rotationLines(rotation: CaReport, nowMs: number): string[] {
  const { phase, until, roots, waitingFor, silent, issuer } = rotation;
  const ofIssuer = issuer && MEANINGS_WITH_ISSUER[phase];
  return [
    `${phase}: ${ofIssuer ?? `${MEANINGS[phase] ?? 'until'} ${inTime(until, nowMs)}`}`,
    ...(issuer === undefined ? [] : issuerLines(issuer, nowMs)),
    ...(waitingFor.length === 0 ? [] : [`waits for ${waitingFor.join(', ')}`]),
    ...(silent.length === 0 ? [] : [`did not wait for ${silent.join(', ')}`]),
    '',
    ...table([
      ['ROOT', 'ROLE', 'FROM', 'UNTIL', ''],
      ...roots.map(({ fingerprint, role, notBefore, notAfter }) => [
        ...[fingerprint.slice(0, SHORT), ROLES[role], notBefore.slice(0, 10), notAfter.slice(0, 10)],
        `ends ${inTime(notAfter, nowMs)}`,
      ]),
    ]),
  ];
}

function issuerLines({ name, pending, isHeld, failingSince, reason }: IssuerReport, nowMs: number): string[] {
  const state = failingSince === undefined ? 'signs' : `does not sign, since ${inTime(failingSince, nowMs)}`;
  return [
    `issuer ${name} ${state}, ${pending} pending`,
    ...(reason === undefined ? [] : [`  ${reason}`]),
    ...(isHeld ? ['  it signs with a new root: certificates are held back until everybody trusts it'] : []),
  ];
}

function proxyLines(proxies: readonly ProxyCerts[], rotation: CaReport | undefined, nowMs: number): string[] {
  if (proxies.length === 0) return ['no pod with a sidecar'];
  const trusted = new Set(rotation?.roots.map(({ fingerprint }) => fingerprint));
  return table([
    ['PROXY', 'CERTIFICATE', 'SIGNED BY', 'TRUSTS', ''],
    ...proxies.map(({ proxy, identity, problem }) => [
      proxy,
      identity === undefined ? '?' : `ends ${inTime(identity.notAfter, nowMs)}`,
      identity?.signer?.slice(0, SHORT) ?? '?',
      identity === undefined ? '?' : trusts(identity.roots, trusted),
      problem ?? '',
    ]),
  ]);
}

/** How many of the roots in force, and what else. */
function trusts(roots: readonly string[], trusted: ReadonlySet<string>): string {
  const others = roots.filter((root) => !trusted.has(root)).length;
  const held = `${roots.length - others} of ${trusted.size}`;
  return others === 0 ? held : `${held}, and ${others} no longer in force`;
}

/** `in 11 h`, `3 min ago`. */
function inTime(time: string, nowMs: number): string {
  const ms = Date.parse(time) - nowMs;
  const amount = span(Math.abs(ms));
  return ms >= 0 ? `in ${amount}` : `${amount} ago`;
}

function span(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= 2 * each) ?? UNITS.at(-1)!;
  return `${Math.floor(ms / size)} ${unit}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['days', 24 * 3600 * 1000],
  ['h', 3600 * 1000],
  ['min', 60 * 1000],
  ['s', 1000],
];

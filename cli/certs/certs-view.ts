import type { CaReport, RootReport } from '../../api/ca-report.ts';

/** The certificate of a sidecar and the roots it trusts, as its admin socket says. Times are RFC 3339. */
export interface HeldIdentity {
  readonly spiffeId: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** fingerprint of the root that signed it; absent: it is of none that is trusted */
  readonly signer?: string;
  readonly roots: readonly string[];
}

export interface ProxyCerts {
  readonly proxy: string;
  readonly identity?: HeldIdentity;
  /** what is worth a look; absent: nothing */
  readonly problem?: string;
}

export interface CertsView {
  /** absent: no operator has reported yet */
  readonly rotation?: CaReport;
  readonly proxies: readonly ProxyCerts[];
  /** in words: everything that is worth a look; empty: all is well */
  readonly problems: readonly string[];
}

/** Renewal is at half of a certificate's life, a tenth earlier or later: with so little left it has failed. */
const LEFT_OF_LEAF = 0.25;
const LEFT_OF_ROOT = 0.1;
/** How late a rotation may begin. */
const LATE_MS = 60 * 60 * 1000;

/** Pure. @param asked what each sidecar answered, or why it did not */
export function certsView(
  rotation: CaReport | undefined,
  asked: readonly {
    readonly proxy: string;
    readonly answer: HeldIdentity | undefined | { readonly problem: string };
  }[],
  nowMs: number,
): CertsView {
  const signs = rotation?.roots.find(({ role }) => role === 'signs');
  const proxies = asked.map(({ proxy, answer }): ProxyCerts => {
    if (answer === undefined) return { proxy, problem: 'has no certificate' };
    if ('problem' in answer) return { proxy, problem: answer.problem };
    const problem = problemOf(answer, signs, nowMs);
    return { proxy, identity: answer, ...(problem !== undefined && { problem }) };
  });
  return {
    ...(rotation && { rotation }),
    proxies,
    problems: [
      ...rotationProblems(rotation, nowMs),
      ...proxies.flatMap(({ proxy, problem }) => (problem === undefined ? [] : [`${proxy}: ${problem}`])),
    ],
  };
}

function problemOf(identity: HeldIdentity, signs: RootReport | undefined, nowMs: number): string | undefined {
  if (nowMs >= Date.parse(identity.notAfter)) return 'its certificate has expired';
  if (identity.signer === undefined) return 'its certificate is of no root that it trusts';
  if (leftOf(identity, nowMs) < LEFT_OF_LEAF) return 'its certificate expires soon, and was not renewed';
  if (signs !== undefined && !identity.roots.includes(signs.fingerprint)) {
    return 'it does not trust the root that signs now';
  }
  return undefined;
}

function rotationProblems(rotation: CaReport | undefined, nowMs: number): string[] {
  if (rotation === undefined) return ['no operator has reported the state of the root yet'];
  const { issuer } = rotation;
  const problems: string[] = [];
  if (issuer?.failingSince !== undefined) {
    problems.push(`the issuer ${issuer.name} does not sign: ${issuer.reason ?? 'no reason is known'}`);
  }
  const signs = rotation.roots.find(({ role }) => role === 'signs');
  if (signs === undefined) problems.push('no root signs');
  else if (nowMs >= Date.parse(signs.notAfter)) problems.push('the root that signs has expired');
  else if (rotation.phase !== 'Steady' && nowMs > Date.parse(rotation.until) + LATE_MS) {
    problems.push(`the rotation has been ${rotation.phase} for longer than it can: does an operator run?`);
  } else if (rotation.phase === 'Steady' && nowMs > Date.parse(rotation.rotateAt) + LATE_MS) {
    const isOurs = issuer === undefined;
    const who = isOurs ? 'does an operator run?' : `the issuer ${issuer.name} has to make it`;
    problems.push(`the root should have been followed by another: ${who}`);
  } else if (leftOf(signs, nowMs) < LEFT_OF_ROOT) problems.push('the root that signs expires soon');
  return problems;
}

function leftOf(
  { notBefore, notAfter }: { readonly notBefore: string; readonly notAfter: string },
  nowMs: number,
) {
  const endMs = Date.parse(notAfter);
  return (endMs - nowMs) / (endMs - Date.parse(notBefore));
}

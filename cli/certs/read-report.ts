import type { CaReport, IssuerReport, RootReport } from '../../api/ca-report.ts';

/** The report of the operator. Undefined: there is none. Throws for a text that is another. */
export function readReport(text: string | undefined): CaReport | undefined {
  if (text === undefined) return undefined;
  const report = parse(text) as Partial<CaReport> | undefined;
  const isReport =
    typeof report === 'object' &&
    report !== null &&
    typeof report.phase === 'string' &&
    [report.since, report.until, report.rotateAt].every(isDate) &&
    [report.waitingFor, report.silent].every(isNames) &&
    Array.isArray(report.roots) &&
    report.roots.every(isRoot) &&
    (report.issuer === undefined || isIssuer(report.issuer));
  if (!isReport) throw new Error('the report on the rotation of the root cannot be read');
  return report as CaReport;
}

function isRoot(value: unknown): boolean {
  const { fingerprint, subject, notBefore, notAfter, role } = (value ?? {}) as Partial<RootReport>;
  return (
    typeof fingerprint === 'string' &&
    typeof subject === 'string' &&
    isDate(notBefore) &&
    isDate(notAfter) &&
    (role === 'signs' || role === 'next' || role === 'previous')
  );
}

function isIssuer(value: unknown): boolean {
  const { name, pending, isHeld, failingSince, reason } = (value ?? {}) as Partial<IssuerReport>;
  return (
    typeof name === 'string' &&
    typeof pending === 'number' &&
    typeof isHeld === 'boolean' &&
    (failingSince === undefined || isDate(failingSince)) &&
    (reason === undefined || typeof reason === 'string')
  );
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function isDate(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

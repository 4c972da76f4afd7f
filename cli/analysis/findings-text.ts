import type { Finding, Severity, Where } from '../../api/analysis.ts';
import { counted } from './columns.ts';

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];
const WIDTH = 9;

/** Pure: findings for people, each with what to do. */
export function findingsText(findings: readonly Finding[]): string[] {
  const each = findings.flatMap(({ severity, code, message, where, fix }) => [
    `${severity.padEnd(WIDTH)}${code}  ${whereText(where)}`,
    `${' '.repeat(WIDTH)}${message}`,
    `${' '.repeat(WIDTH)}fix: ${fix}`,
    '',
  ]);
  return [...each, summaryOf(findings)];
}

function whereText({ kind, name, field, file, line }: Where): string {
  if (kind === 'File') return line === undefined ? name : `${name}:${line}`;
  const position = file === undefined ? '' : `${file}:${line}  `;
  return `${position}${kind} ${name}${field === undefined ? '' : ` ${field}`}`;
}

function summaryOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'nothing found';
  return SEVERITIES.flatMap((severity) => {
    const count = findings.filter((each) => each.severity === severity).length;
    if (count === 0) return [];
    return severity === 'info' ? `${count} info` : counted(count, severity);
  }).join(', ');
}

/** Whether a finding is at least this severe. */
export function isAtLeast({ severity }: Finding, threshold: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(threshold);
}

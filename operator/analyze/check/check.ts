import type { DocumentProblem, Finding } from '../../../api/analysis.ts';
import { overlay } from '../overlay.ts';
import type { PolicyDocuments } from '../policy-documents.ts';
import type { ReadMesh } from '../read-mesh.ts';
import { longAudits } from './audit.ts';
import { backendsWithoutEndpoints } from './backends.ts';
import { deniedByAllowRules, ipBlocksUnderStrict, unknownCallers } from './callers.ts';
import type { Found } from './codes.ts';
import { cutOff } from './cut-off.ts';
import { listsWithoutEffect, originatedTls, shadowedHosts } from './egress.ts';
import { deniedHealthChecks } from './health-checks.ts';
import { type Check, Inspection } from './inspection.ts';
import { unavailableKeySets } from './key-sets.ts';
import { lockedOut } from './locked-out.ts';
import { mislabelled, openServices, permissiveLeftovers, skippedPorts, withoutSidecar } from './openness.ts';
import { conflicted, notAccepted, notResolved } from './policies.ts';
import { refusedByInjector, refusedByPodSecurity } from './refused.ts';
import {
  mirrorsToThemselves,
  nonIdempotentRetries,
  routesOnOpaque,
  shadowedRoutes,
  withoutCatchAll,
} from './routes.ts';
import { contradictoryOperations, deniedAllowRules, rulesOfOtherProtocols, unknownIssuers } from './rules.ts';
import { withoutTargets } from './targets.ts';

/** Everything that is looked for; docs/guides/checking.md says what each means. */
const CHECKS: readonly Check[] = [
  notAccepted,
  notResolved,
  conflicted,
  openServices,
  permissiveLeftovers,
  skippedPorts,
  withoutSidecar,
  mislabelled,
  refusedByPodSecurity,
  refusedByInjector,
  cutOff,
  withoutTargets,
  unknownCallers,
  ipBlocksUnderStrict,
  lockedOut,
  deniedByAllowRules,
  deniedHealthChecks,
  contradictoryOperations,
  unknownIssuers,
  rulesOfOtherProtocols,
  deniedAllowRules,
  shadowedRoutes,
  withoutCatchAll,
  backendsWithoutEndpoints,
  nonIdempotentRetries,
  mirrorsToThemselves,
  routesOnOpaque,
  longAudits,
  originatedTls,
  shadowedHosts,
  listsWithoutEffect,
  unavailableKeySets,
];

export interface CheckInput {
  readonly documents: PolicyDocuments;
  readonly auditDays?: number;
  readonly onlyNamespace?: string;
}

const AUDIT_DAYS = 14;
const SEVERITIES = ['error', 'warning', 'info'];

/**
 * Pure: what people fall into, the worst first. With documents, what is wrong with these, in the mesh as it would
 * be with them. Throws AnalysisError.
 */
export function check(
  read: ReadMesh,
  { documents, auditDays = AUDIT_DAYS, onlyNamespace }: CheckInput,
  nowMs: number,
): Finding[] {
  const { after } = overlay(read, { documents, deletes: [] }, nowMs);
  const isGiven = documents.policies.length + documents.problems.length > 0;
  const given = new Map(
    documents.policies.map(({ document, position }) => [keyOf(document.metadata), position]),
  );
  const inspection = new Inspection(after, read, { nowMs, auditDays, given });
  const findings = findingsIn(inspection);
  const positions = new Map([...read.positions, ...given]);
  const here = findings
    .filter(({ where }) => !isGiven || given.has(where.name))
    .filter(({ where }) => onlyNamespace === undefined || isOf(where.name, onlyNamespace))
    .map((finding) => placed(finding, positions));
  const problems = (isGiven ? documents.problems : read.problems).map(wrongDocument);
  const wrong = problems.filter((problem) => !here.some((finding) => saysMore(finding, problem)));
  return [...wrong, ...here].sort(worstFirst);
}

/** Each kind of finding at each place once, however many proxies have it. */
export function findingsIn(inspection: Inspection): Found[] {
  const byPlace = new Map<string, Found>();
  for (const finding of CHECKS.flatMap((find) => find(inspection))) {
    const { kind, name, field = '' } = finding.where;
    const place = `${finding.code} ${kind} ${name} ${field}`;
    if (!byPlace.has(place)) byPlace.set(place, finding);
  }
  return [...byPlace.values()];
}

function placed(finding: Found, positions: ReadMesh['positions']): Found {
  const { where } = finding;
  const position = where.kind === 'MeshPolicy' ? positions.get(where.name) : undefined;
  if (position === undefined) return finding;
  const line = where.field === undefined ? position.line : position.lineOf(where.field);
  return { ...finding, where: { ...where, file: position.file, line } };
}

/** A policy that is left out of a folder is also not accepted: that names it, and says what stays in force. */
function saysMore(finding: Found, { code, where: { file, line } }: Found): boolean {
  const { where } = finding;
  return (
    code === 'DocumentInvalid' && finding.code === 'NotAccepted' && where.file === file && where.line === line
  );
}

function wrongDocument({ file, line, message, foreign }: DocumentProblem): Found {
  const [said, fix] = message.split(/: (?=(?:write|remove|mend|split|make|rename|create|did) )/);
  return {
    ...{ severity: foreign ? 'info' : 'error', code: foreign ? 'DocumentIgnored' : 'DocumentInvalid' },
    message: said!,
    where: { kind: 'File', name: file, file, line },
    fix: fix ?? (foreign ? 'nothing: it is not about the mesh' : 'correct the document'),
  };
}

function worstFirst(a: Finding, b: Finding): number {
  const textOf = ({ where: { name, field = '', line = 0 } }: Finding) =>
    `${name} ${String(line).padStart(6, '0')} ${field}`;
  const [textA, textB] = [textOf(a), textOf(b)];
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    (textA < textB ? -1 : Number(textA > textB))
  );
}

function keyOf({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
function isOf(name: string, namespace: string): boolean {
  return name === namespace || name.startsWith(`${namespace}/`);
}

import type { TrailRecord } from '../../api/trail-record.ts';
import { beginMs, type Located } from './located.ts';
import { allowedBy, calledOf, deniedBy, routeOf, whyThisAnswer } from './why.ts';

const LABEL_WIDTH = 15;
const INDENT = '  ';
const SIDES_MAX = 20;
const COPY = ', a copy (mirror): its answer goes to nobody';

/** Pure: the trail of one request through all sidecars that know it. `located`: in the order of time, at least one. */
export function trailText(id: string, located: readonly Located[]): string[] {
  const { method, path, pathIsCut, host } = located[0]!.record;
  const traceId = located.find(({ record }) => record.traceId !== '')?.record.traceId;
  return [
    `request ${id}: ${method} ${path ?? '*'}${pathIsCut ? '…' : ''} host ${host}${traceId ? `, trace ${traceId}` : ''}`,
    ...located.slice(0, SIDES_MAX).flatMap((each) => ['', ...oneSide(each)]),
    ...more(located.length - SIDES_MAX),
    '',
    `Why: ${whyThisAnswer(located)}`,
  ];
}

/** A client may give many requests the same id. */
function more(count: number): string[] {
  return count > 0 ? ['', `and ${count} more with this id: -o json lists them`] : [];
}

function oneSide(located: Located): string[] {
  const { record, sidecar } = located;
  const isInbound = record.direction === 'inbound';
  const what = isInbound ? `received at ${record.at}` : `sent to ${calledOf(record)}`;
  const rows = isInbound ? inboundRows(record) : outboundRows(record);
  return [
    `${timeOf(beginMs(located))}  ${sidecar}  ${what}${located.isCopy ? COPY : ''}`,
    ...rows
      .filter(([, text]) => text !== '')
      .map(([label, text]) => `${INDENT}${label.padEnd(LABEL_WIDTH)}${text}`),
  ];
}

type Row = readonly [label: string, text: string];

function outboundRows(record: TrailRecord): Row[] {
  const { endpoint, algorithm, failedAttempts, attempts, caller, verdict, policy, rule } = record;
  const isMany = attempts > 1 || failedAttempts !== '';
  return [
    ['caller', caller],
    ['egress', verdict === '' ? '' : verdictOf(verdict, policy, rule)],
    ['route', verdict === '' ? routeText(record) : ''],
    ['endpoint', endpoint === '' ? '' : `${endpoint}${algorithm === '' ? '' : `, ${choiceOf(record)}`}`],
    [
      'attempts',
      isMany
        ? `${attempts}${failedAttempts === '' ? '' : `; failed before: ${failuresOf(failedAttempts)}`}`
        : '',
    ],
    ['encrypted', hasLeft(record) ? (record.encrypted ? 'mutual TLS' : 'no') : ''],
    ['time', phases(record)],
    ['answer', answerOf(record, 'the called side')],
  ];
}

/** It was not refused, or answered, before there was anything to send it over. */
export function hasLeft({ endpoint, verdict }: TrailRecord): boolean {
  return endpoint !== '' && verdict !== 'denied';
}

/** Of an attempt that was answered, and retried for its status, the record says no more than that. */
function failuresOf(failedAttempts: string): string {
  return failedAttempts.replace(/ status(?=;|$)/g, ' (its status is one to retry)');
}

function inboundRows(record: TrailRecord): Row[] {
  const { verdict, policy, rule, auditPolicy, auditRule, limit, limitPolicy } = record;
  return [
    ['caller', callerOf(record)],
    ['authorization', verdict === '' ? 'not reached' : verdictOf(verdict, policy, rule)],
    ['audit', auditRule === '' ? '' : `${deniedBy(auditPolicy, auditRule)}, if that were enforced`],
    ['rate limit', limit === '' ? '' : `over ${limit} of ${limitPolicy}`],
    ['time', phases(record)],
    ['answer', answerOf(record, 'the app')],
  ];
}

function routeText(record: TrailRecord): string {
  if (record.route !== '') return routeOf(record);
  return record.code === 'no-route' ? 'none takes it' : 'none: the whole Service';
}

function choiceOf({ algorithm, usableEndpoints, knownEndpoints, isPanicking }: TrailRecord): string {
  const panic = isPanicking ? '; too few are healthy, so all are used' : '';
  return `by ${algorithm} among ${usableEndpoints} usable of ${knownEndpoints} known${panic}`;
}

function callerOf({ caller, callerAddress, encrypted }: TrailRecord): string {
  if (!encrypted) return `${callerAddress || caller}, in plaintext: no identity`;
  return callerAddress === '' ? `${caller}, by mutual TLS` : `${caller}, by mutual TLS from ${callerAddress}`;
}

function verdictOf(verdict: string, policy: string, rule: string): string {
  return verdict === 'denied' ? deniedBy(policy, rule) : allowedBy(policy, rule);
}

function phases({ delayedMs, connectedAfterMs, respondedAfterMs, durationMs }: TrailRecord): string {
  const parts: string[] = [];
  if (delayedMs > 0) parts.push(`${ms(delayedMs)} delayed by a fault`);
  if (connectedAfterMs >= 0) parts.push(`connected after ${ms(connectedAfterMs)}`);
  if (respondedAfterMs >= 0) parts.push(`first byte after ${ms(respondedAfterMs)}`);
  return [...parts, `whole ${ms(durationMs)}`].join(', ');
}

function answerOf({ status, code, peerError, reason, aborted }: TrailRecord, from: string): string {
  const why = reason === '' ? '' : `: ${reason}`;
  if (code !== '') return `${status || 'none'} weft-error: ${code}${why}`;
  if (peerError !== '') return `${status} weft-error: ${peerError}, said by ${from}`;
  if (aborted) return `${status || 'none'}, not to its end${why}`;
  return `${status} from ${from}`;
}

function ms(value: number): string {
  return `${value < 10 ? Math.round(value * 100) / 100 : Math.round(value)} ms`;
}

/** `14:02:03.120`, of this machine's zone. */
function timeOf(atMs: number): string {
  const at = new Date(atMs);
  return `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

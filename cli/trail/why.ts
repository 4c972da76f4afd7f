import { ERRORS } from '../../api/errors.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { withoutCopies } from './copies.ts';
import type { Located } from './located.ts';

/** Pure: why a request got the answer it got, in one line. `all`: in the order of time, at least one no copy. */
export function whyThisAnswer(all: readonly Located[]): string {
  // nobody sees what a copy was answered
  const located = withoutCopies(all);
  // who refused it knows why: the innermost that did, since others only pass its answer on
  const refused = located.findLast(({ record }) => record.code !== '');
  if (refused !== undefined) return `${refusal(refused.record)}, ${placeOf(refused)}`;
  const passedOn = located.findLast(({ record }) => record.peerError !== '');
  if (passedOn !== undefined) {
    const { status, peerError } = passedOn.record;
    return `${status} ${peerError}, said by the sidecar of the called side, which was not asked or has forgotten it`;
  }
  return accepted(located.at(-1)!, located);
}

function accepted(last: Located, located: readonly Located[]): string {
  const { record } = last;
  if (record.aborted) return `no whole answer: the connection ended before it was done, ${placeOf(last)}`;
  if (record.direction === 'inbound')
    return `${record.status} from the app behind ${last.sidecar} itself${audited(record)}`;
  if (record.attempts === 0 && record.status >= 300 && record.status < 400) {
    return `${record.status}: redirected by ${routeOf(record)}, ${placeOf(last)}`;
  }
  const first = located[0]!.record;
  return `${first.status} from ${record.endpoint || 'the called side'}, whose sidecar was not asked, or has none`;
}

function audited({ auditPolicy, auditRule }: TrailRecord): string {
  return auditRule === '' ? '' : `; ${deniedBy(auditPolicy, auditRule)} if it were enforced`;
}

function refusal(record: TrailRecord): string {
  const { status, code, reason, policy, rule, limit, limitPolicy } = record;
  const answer = status === 0 ? 'no answer' : String(status);
  switch (code) {
    case 'denied':
      return `${answer} ${deniedBy(policy, rule)}${because(reason)}`;
    case 'rate-limited':
      return `${answer} rate-limited: over limit ${limit} of ${limitPolicy}`;
    case 'unauthenticated':
      return `${answer} unauthenticated${rule === '' ? '' : ` by issuer ${rule} of ${policy}`}${because(reason)}`;
    case 'fault':
      return `${answer} fault: ${reason || 'injected'}, by ${routeOf(record)}`;
    case 'no-endpoints':
      return `${answer} no-endpoints${because(reason || messageOf(code))} (${destinationOf(record)})`;
    default:
      return `${answer} ${code}${because(reason || messageOf(code))}`;
  }
}

/** `denied by rule no-admin of shop/payments` */
export function deniedBy(policy: string, rule: string): string {
  if (rule === 'default')
    return policy === '' ? 'denied: no rule allows it' : `denied: no rule of ${policy} allows it`;
  return rule === 'egress' ? `denied by egress of ${policy}` : `denied by rule ${rule} of ${policy}`;
}

export function allowedBy(policy: string, rule: string): string {
  if (rule === 'default')
    return policy === '' ? 'allowed: no rule denies it' : `allowed by the default of ${policy}`;
  return rule === 'egress'
    ? `allowed by egress${policy === '' ? '' : ` of ${policy}`}`
    : `allowed by rule ${rule} of ${policy}`;
}

export function routeOf({ route, routePolicy }: TrailRecord): string {
  if (route === '') return 'no route';
  return routePolicy === '' ? `route ${route}` : `route ${route} of ${routePolicy}`;
}

/** `payments at 10.96.148.72:80`, or `shop/payments:80`, which has its name in it. */
export function calledOf({ at, service }: TrailRecord): string {
  return service === '' || at.includes('/') ? at : `${service} at ${at}`;
}

/** Which of the backends of a route it was, the reason says; sidecars of before give none. */
function destinationOf(record: TrailRecord): string {
  const called = calledOf(record);
  if (record.route === '') return called;
  return `${called}, by ${routeOf(record)}${record.reason === '' ? ': look at its backends' : ''}`;
}

function placeOf({ sidecar, record }: Located): string {
  return `at the ${record.direction === 'inbound' ? 'called' : "caller's"} side (${sidecar})`;
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}

function messageOf(code: string): string {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].message : '';
}

import { pathTemplate } from '../../api/path-template.ts';
import { counted, some } from '../analysis/columns.ts';
import { spanOf, timeOf } from '../traffic/times.ts';
import { sumOf } from './grants.ts';
import type { Denied, Proposal, Uncovered } from './propose.ts';
import type { RecordedTraffic } from './recorded-traffic.ts';
import type { Seen } from './seen.ts';

export interface About {
  /** `Service shop/payments` */
  readonly what: string;
  readonly traffic: RecordedTraffic;
  readonly proposal: Proposal;
  /** policies of the same target that decide who may call, `<namespace>/<name>` */
  readonly rivals: readonly string[];
  /** a policy has the proposal's name already */
  readonly replaces: string | undefined;
}

/** Below either, what was recorded is little to go by. */
const LITTLE_REQUESTS = 200;
const LITTLE_MS = 60 * 60_000;
const SHOWN = 10;

const REASONS: Readonly<Record<Uncovered['reason'], string>> = {
  anonymous: 'in plaintext, so without identity: --with-addresses allows them by their address',
  nameless: 'their identity cannot be written in a rule',
  cut: 'the path is longer than what is kept of it',
  method: 'no rule can name the method',
  ambiguous: 'servers read this path in different ways; it gets 400 wherever rules look at paths',
  unwritable: 'the path cannot be written as a pattern',
  denied: 'the same request was denied too, or the only pattern for it takes one that was',
  tooMany: 'too many different paths of this caller',
  tooManyRules: 'too many callers that need rules of their own',
};

/** Pure: what to know before a proposal is applied, line by line. */
export function remarksOn(about: About): string[] {
  return [
    ...headOf(about),
    ...rivalsOf(about),
    ...listed('NOT covered, though it was allowed:', uncoveredLines(about.proposal.uncovered)),
    ...listed('Stays denied:', deniedLines(about.proposal.denied)),
    ...listed('Would be denied by rules in Audit mode, and is covered:', auditedLines(about)),
    ...listed('Not known:', unknownLines(about)),
  ];
}

function headOf({ what, traffic, proposal }: About): string[] {
  const { rules, deniedBefore } = proposal;
  const requests = rules.reduce((sum, rule) => sum + rule.requests, 0);
  const firstMs = Math.min(...rules.map((rule) => rule.firstMs));
  const lastMs = Math.max(...rules.map((rule) => rule.lastMs));
  const isLittle = proposal.allowed < LITTLE_REQUESTS || lastMs - firstMs < LITTLE_MS;
  return [
    `Proposed by weft plan --propose for ${what}, from ${counted(requests, 'request')} that`,
    `${counted(traffic.sidecars.length, 'sidecar')} recorded from ${timeOf(firstMs)} to ${timeOf(lastMs)} (${spanOf(lastMs - firstMs)}).`,
    'Whoever is not listed gets 403 from then on. In a path, * stands for a segment that looks like data.',
    ...(isLittle
      ? ['That is LITTLE TRAFFIC to go by: who calls seldom (jobs, failovers, releases) is not in it.']
      : []),
    ...(deniedBefore > 0
      ? [
          `${counted(deniedBefore, 'request')} ${deniedBefore === 1 ? 'was' : 'were'} denied at first; the same were allowed afterwards, so they are in it.`,
        ]
      : []),
    '',
    'Try it: weft plan -f FILE. To deny nothing yet, write mode: Audit beside rules: what would be denied is logged.',
  ];
}

function rivalsOf({ rivals, replaces }: About): string[] {
  return [
    ...rivals.map(
      (key) =>
        `MeshPolicy ${key} is about the same target and older: its Allow rules win until they are taken out.`,
    ),
    ...(replaces === undefined ? [] : [`It replaces the MeshPolicy ${replaces} that is there.`]),
  ];
}

function listed(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - SHOWN;
  return [
    ...['', title],
    ...lines.slice(0, SHOWN).map((line) => `- ${line}`),
    ...(more > 0 ? [`- and ${more} more: -o json lists them`] : []),
  ];
}

function uncoveredLines(uncovered: readonly Uncovered[]): string[] {
  return [...uncovered]
    .sort((a, b) => sumOf(b.seen) - sumOf(a.seen))
    .map(({ caller, reason, seen }) => {
      const examples = some([...new Set(seen.map(operationOf))]);
      return `${counted(sumOf(seen), 'request')} from ${caller} (${examples}): ${REASONS[reason]}`;
    });
}

function deniedLines(denied: readonly Denied[]): string[] {
  const alike = Map.groupBy(denied, ({ caller, seen }) =>
    JSON.stringify([caller, operationOf(seen), ...seen.rules]),
  );
  return [...alike.values()].map((of) => {
    const { caller, seen } = of[0]!;
    const requests = sumOf(of.map((each) => each.seen));
    return `${counted(requests, 'request')} from ${caller}: ${operationOf(seen)}, denied ${byRule([...seen.rules][0]!)}`;
  });
}

function auditedLines({ traffic: { records } }: About): string[] {
  const audited = records.filter(({ verdict, auditRule }) => verdict === 'allowed' && auditRule !== '');
  const byDecision = Map.groupBy(audited, ({ auditPolicy, auditRule }) => `${auditPolicy} ${auditRule}`);
  return [...byDecision].map(
    ([decided, of]) => `${counted(of.length, 'request')}, denied ${byRule(decided)}`,
  );
}

/** `<policy> <rule>`, of which the policy is empty where none says anything. */
function byRule(decided: string): string {
  const [policy, rule] = decided.split(' ');
  if (rule === 'default')
    return policy === '' ? 'since no rule allows it' : `since no rule of ${policy} allows it`;
  return `by rule ${rule} of ${policy}`;
}

function operationOf({ method, path, isCut }: Seen): string {
  return `${method} ${path === undefined ? '*' : pathTemplate(path)}${isCut ? '…' : ''}`;
}

function unknownLines({ traffic }: About): string[] {
  const { sidecars, unanswered, unmeshed, notAsked } = traffic;
  return [
    'what is not parsed as HTTP is not recorded: TLS of the app, other TCP. These rules allow no such connection',
    ...unseenLines(traffic),
    ...sidecars
      .filter(({ isFull }) => isFull)
      .map(
        ({ proxy, sinceMs }) =>
          `${proxy} keeps 2,048 requests and has had more: nothing before ${timeOf(sinceMs)}`,
      ),
    ...unanswered.map(({ proxy, reason }) => `${proxy} could not be asked: ${reason}`),
    ...(unmeshed.length > 0 ? [`without a sidecar, so nothing is recorded: ${some(unmeshed)}`] : []),
    ...(notAsked > 0 ? [`${counted(notAsked, 'more sidecar')} were not asked`] : []),
  ];
}

/** Those that were counted and are not, or no more, among what is kept. */
function unseenLines({ sidecars, records }: RecordedTraffic): string[] {
  const seen = new Set(records.map(({ caller, encrypted }) => (encrypted ? sourceOf(caller) : 'unknown')));
  const counts = new Map<string, number>();
  for (const { source, allowed } of sidecars.flatMap(({ callers }) => callers)) {
    if (!seen.has(source) && allowed > 0) counts.set(source, (counts.get(source) ?? 0) + allowed);
  }
  return [...counts].map(([source, count]) => {
    const who = source === 'unknown' ? 'callers without identity' : source;
    return `${who} called ${count} times since the sidecars started, and none of it is among what was recorded`;
  });
}

/** As sidecars count: `<namespace>/<service account>`. */
function sourceOf(spiffeId: string): string {
  const [, namespace, serviceAccount] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(spiffeId) ?? [];
  return `${namespace}/${serviceAccount}`;
}

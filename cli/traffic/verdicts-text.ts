import { counted, some } from '../analysis/columns.ts';
import { printable } from '../analysis/printable.ts';
import type { VerdictChange, Verdicts } from './verdicts.ts';

const TITLES = {
  denied: 'would be denied',
  limited: 'would be over a rate limit',
  rerouted: 'would go elsewhere',
  allowed: 'would be let through, and were not',
  unknown: 'cannot be told',
} as const;

/** Of one kind. */
const SHOWN = 20;
const PROXIES_SHOWN = 10;
const REASON_MAX = 300;

/** Pure: what a plan does to recorded requests, for people. */
export function verdictsText(verdicts: Verdicts): string[] {
  const { changes, notes, shorter, unanswered, notListed, notJudged, leftOut } = verdicts;
  return [
    '',
    headline(verdicts),
    ...Object.entries(TITLES).flatMap(([kind, title]) => {
      const ofKind = changes.filter((change) => change.kind === kind);
      return ofKind.length === 0 ? [] : kindText(ofKind, title);
    }),
    ...(notListed > 0
      ? [`  and ${counted(notListed, 'more request')} whose verdict changes, too different to list`]
      : []),
    ...(notJudged > 0
      ? [`  note: ${counted(notJudged, 'more request')} not judged: it would have taken a sidecar too long`]
      : []),
    ...(leftOut > 0
      ? [
          `  note: ${counted(leftOut, 'more proxy', 'more proxies')} would be told something else, too many to be asked`,
        ]
      : []),
    ...notes.map((note) => `  note: ${note}`),
    ...listed(
      shorter.map(
        ({ proxy, since }) => `${proxy} has had so many requests that it knows only those since ${since}`,
      ),
    ),
    ...listed(
      unanswered.map(
        ({ proxy, reason }) => `${proxy} could not be asked: ${printable(reason.slice(0, REASON_MAX))}`,
      ),
    ),
  ];
}

/** Pure: why nothing is said of recorded requests. */
export function notAskedText(reason: string): string[] {
  return ['', `recorded traffic: could not be asked about: ${printable(reason.slice(0, REASON_MAX))}`];
}

function headline({ minutes, judged, unchanged, notJudged, asked, unanswered }: Verdicts): string {
  const failed = new Set(unanswered.map(({ proxy }) => proxy)).size;
  const proxies = counted(asked, 'proxy', 'proxies');
  const where = failed === 0 ? `at ${proxies}` : `at ${asked - failed} of ${proxies}`;
  const whose = `of the last ${minutes} min ${where}`;
  if (failed === asked) return `recorded traffic: no proxy of ${asked} could be asked`;
  if (judged === 0 && notJudged > 0) return `recorded traffic: no request ${whose} was judged`;
  if (judged === 0) return `recorded traffic: no request ${whose} is of what would change`;
  const same = unchanged === judged ? 'all' : unchanged === 0 ? 'none' : String(unchanged);
  return `recorded traffic: ${counted(judged, 'request')} ${whose}, ${same} with the same verdict`;
}

function listed(lines: readonly string[]): string[] {
  const more = lines.length - PROXIES_SHOWN;
  return [
    ...lines.slice(0, PROXIES_SHOWN).map((line) => `  note: ${line}`),
    ...(more > 0 ? [`  note: and ${more} more: -o json lists them`] : []),
  ];
}

function kindText(changes: readonly VerdictChange[], title: string): string[] {
  const total = changes.reduce((sum, { count }) => sum + count, 0);
  const width = String(changes[0]!.count).length;
  return [
    `  ${total} ${title}`,
    ...changes
      .slice(0, SHOWN)
      .flatMap(({ count, method, path, caller, proxies, direction, from, to }) => [
        `    ${String(count).padStart(width)}  ${printable(`${method} ${path} from ${caller}`)} ${direction === 'inbound' ? 'at' : 'sent by'} ${some(proxies)}`,
        `    ${' '.repeat(width)}  ${printable(from)} → ${printable(to)}`,
      ]),
    ...(changes.length > SHOWN ? [`    and ${changes.length - SHOWN} more kinds: -o json lists them`] : []),
  ];
}

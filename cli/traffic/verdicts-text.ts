import { counted, some } from '../analysis/columns.ts';
import { printable } from '../trail/trail-text.ts';
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

/** Pure: what a plan does to recorded requests, for people. */
export function verdictsText(verdicts: Verdicts): string[] {
  const { minutes, judged, unchanged, changes, notes, shorter, unanswered, asked, notListed } = verdicts;
  const whose = `of the last ${minutes} min at ${counted(asked, 'proxy', 'proxies')}`;
  return [
    '',
    asked === 0
      ? 'recorded traffic: no proxy would be told anything else'
      : `recorded traffic: ${counted(judged, 'request')} ${whose}, ${unchanged} with the same verdict`,
    ...Object.entries(TITLES).flatMap(([kind, title]) => {
      const ofKind = changes.filter((change) => change.kind === kind);
      return ofKind.length === 0 ? [] : kindText(ofKind, title);
    }),
    ...(notListed > 0
      ? [`  and ${counted(notListed, 'more request')} whose verdict changes, too different to list`]
      : []),
    ...notes.map((note) => `  note: ${note}`),
    ...shorter.map(
      ({ proxy, since }) =>
        `  note: ${proxy} has had so many requests that it knows only those since ${since}`,
    ),
    ...unanswered.map(({ proxy, reason }) => `  note: ${proxy} could not be asked: ${printable(reason)}`),
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

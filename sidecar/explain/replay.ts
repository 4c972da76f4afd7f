import type { Destination } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { ReplayRequest, ReplayResult } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { InboundReplay, withoutFetched } from './inbound-replay.ts';
import type { Judgement } from './judgement.ts';
import { OutboundReplay } from './outbound-replay.ts';
import { BadReplay } from './replay-request.ts';
import { Tally } from './tally.ts';
import type { Steps } from './turns.ts';

export interface ReplayOptions {
  readonly proxyId: string;
  readonly records: Iterable<TrailRecord>;
  readonly config: ProxyConfig | undefined;
  readonly destinations: readonly Destination[];
  readonly nowMs: number;
}

/**
 * What the candidate would have said to the requests that are kept. It changes nothing and counts nothing: all it
 * compiles is its own. One step a record; when the time is over the others are left out.
 * Throws BadReplay when the candidate cannot be enforced.
 */
export function* replay(request: ReplayRequest, options: ReplayOptions): Steps<ReplayResult> {
  const judge = judgeOf(request, options);
  const sinceMs = request.minutes === undefined ? 0 : options.nowMs - request.minutes * 60_000;
  const kept = [...options.records];
  const records = kept.filter(({ endedMs }) => endedMs >= sinceMs).sort(byBegin);
  const tally = new Tally();
  let looked = 0;
  let judged = 0;
  let unchanged = 0;
  for (const record of records) {
    const isOver: boolean = yield;
    if (isOver) break;
    looked += 1;
    const judgement = judge(record);
    if (judgement === undefined) continue;
    judged += 1;
    if (judgement === 'unchanged') unchanged += 1;
    else tally.add(record, judgement);
  }
  return {
    proxyId: options.proxyId,
    kept: kept.length,
    keptSinceMs: kept.reduce((oldest, { endedMs }) => Math.min(oldest, endedMs), kept[0]?.endedMs ?? 0),
    ...{ judged, unchanged, notJudged: records.length - looked },
    ...{ changes: tally.changes(), notListed: tally.notListed },
    notes: notesOn(request, options.config),
  };
}

function judgeOf(
  { config, destinations }: ReplayRequest,
  options: ReplayOptions,
): (record: TrailRecord) => Judgement {
  const inbound = enforceable(() => config && new InboundReplay(config, options.config));
  const outbound = enforceable(() => new OutboundReplay(destinations ?? [], options.destinations, config));
  return (record) =>
    enforceable(() => (record.direction === 'inbound' ? inbound?.judge(record) : outbound.judge(record)));
}

function enforceable<T>(compiled: () => T): T {
  try {
    return compiled();
  } catch (error) {
    throw new BadReplay(`the candidate cannot be enforced: ${(error as Error).message}`);
  }
}

function byBegin(a: TrailRecord, b: TrailRecord): number {
  return a.endedMs - a.durationMs - (b.endedMs - b.durationMs);
}

function notesOn({ config }: ReplayRequest, current: ProxyConfig | undefined): string[] {
  const issuersOf = (of: ProxyConfig | undefined) => JSON.stringify(of?.inbound.issuers?.map(withoutFetched));
  if (config === undefined || issuersOf(config) === issuersOf(current)) return [];
  return [
    'issuers change: a request with a token that none of them signed would get 401; tokens are not kept',
  ];
}

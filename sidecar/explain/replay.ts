import type { Destination } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { ReplayRequest, ReplayResult } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { validateDestination, validateProxyConfig } from '../../api/validate-proxy-config.ts';
import { InboundReplay, withoutFetched } from './inbound-replay.ts';
import { OutboundReplay } from './outbound-replay.ts';
import { Tally } from './tally.ts';

/** What is asked is wrong; the message says how. */
export class BadReplay extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadReplay';
  }
}

export interface ReplayOptions {
  readonly proxyId: string;
  readonly records: Iterable<TrailRecord>;
  readonly config: ProxyConfig | undefined;
  readonly destinations: readonly Destination[];
  readonly nowMs: number;
}

/** Records judged in one turn of the event loop, which has traffic to serve. */
const RECORDS_PER_TURN = 64;
const MAX_DESTINATIONS = 4_096;

/** Throws BadReplay. */
export function parseReplayRequest(text: string, proxyId: string): ReplayRequest {
  const value = parseObject(text);
  const unknown = Object.keys(value).find((key) => !['config', 'destinations', 'minutes'].includes(key));
  if (unknown !== undefined) throw new BadReplay(`unknown field ${unknown}`);
  const { config, destinations = [], minutes } = value;
  if (config !== undefined) check('config', validateProxyConfig(config));
  const wanted = (config as ProxyConfig | undefined)?.proxyId ?? proxyId;
  if (wanted !== proxyId) throw new BadReplay(`the candidate is for proxy ${wanted}, this is ${proxyId}`);
  if (!Array.isArray(destinations) || destinations.length > MAX_DESTINATIONS) {
    throw new BadReplay(`destinations must be a list of at most ${MAX_DESTINATIONS}`);
  }
  for (const [place, each] of destinations.entries()) {
    check(`destinations[${place}]`, validateDestination(each));
  }
  if (minutes !== undefined && !(typeof minutes === 'number' && minutes > 0)) {
    throw new BadReplay('minutes must be a number above 0');
  }
  return value as ReplayRequest;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as never;
  } catch {
    // said below
  }
  throw new BadReplay('the body must be a JSON object');
}

function check(
  what: string,
  [problem]: readonly { readonly path: string; readonly message: string }[],
): void {
  if (problem !== undefined) throw new BadReplay(`${what}: ${problem.path} ${problem.message}`);
}

/**
 * What the candidate would have said to the requests that are kept. It changes nothing and counts nothing: all it
 * compiles is its own. It yields after every few records, so that whoever runs it can do other work between.
 * Throws BadReplay when the candidate cannot be enforced.
 */
export function* replay(request: ReplayRequest, options: ReplayOptions): Generator<undefined, ReplayResult> {
  const { inbound, outbound } = compile(request, options);
  const sinceMs = request.minutes === undefined ? 0 : options.nowMs - request.minutes * 60_000;
  const kept = [...options.records];
  const records = kept.filter(({ endedMs }) => endedMs >= sinceMs).sort(byBegin);
  const tally = new Tally();
  let judged = 0;
  let unchanged = 0;
  for (const [place, record] of records.entries()) {
    if (place % RECORDS_PER_TURN === 0) yield;
    const judgement = record.direction === 'inbound' ? inbound?.judge(record) : outbound.judge(record);
    if (judgement === undefined) continue;
    judged += 1;
    if (judgement === 'unchanged') unchanged += 1;
    else tally.add(record, judgement);
  }
  return {
    proxyId: options.proxyId,
    kept: kept.length,
    keptSinceMs: kept.reduce((oldest, { endedMs }) => Math.min(oldest, endedMs), kept[0]?.endedMs ?? 0),
    ...{ judged, unchanged, changes: tally.changes(), notListed: tally.notListed },
    notes: notesOn(request, options.config),
  };
}

function compile({ config, destinations }: ReplayRequest, options: ReplayOptions) {
  try {
    return {
      inbound: config && new InboundReplay(config, options.config),
      outbound: new OutboundReplay(destinations ?? [], options.destinations, config),
    };
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

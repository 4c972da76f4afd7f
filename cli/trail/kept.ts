import type { ReplayResult } from '../../api/replay.ts';

/** How many requests a sidecar keeps, and since when. */
export interface Kept {
  /** `<namespace>/<pod>` */
  readonly sidecar: string;
  readonly requests: number;
  /** ISO 8601; undefined: it keeps none */
  readonly since: string | undefined;
}

const SHOWN = 10;
const DATE_MAX_MS = 8.64e15;

/** What a sidecar says of all it keeps. Throws unless it has its shape. */
export function readKept(answer: unknown): Pick<ReplayResult, 'kept' | 'keptSinceMs'> {
  const { kept, keptSinceMs } = (answer ?? {}) as Partial<ReplayResult>;
  if (!Number.isInteger(kept) || !(Math.abs(keptSinceMs!) <= DATE_MAX_MS)) {
    throw new Error('the sidecar answered with something else than what it keeps');
  }
  return { kept: kept!, keptSinceMs: keptSinceMs! };
}

export function keptOf(
  sidecar: string,
  { kept, keptSinceMs }: Pick<ReplayResult, 'kept' | 'keptSinceMs'>,
): Kept {
  return { sidecar, requests: kept, since: kept === 0 ? undefined : new Date(keptSinceMs).toISOString() };
}

/** Pure: that nobody knows a request, what is kept, and where else it can be. */
export function unknownText(id: string, kept: readonly Kept[], isEverywhere: boolean): string[] {
  const width = Math.max(0, ...kept.slice(0, SHOWN).map(({ sidecar }) => sidecar.length));
  const more = kept.length - SHOWN;
  return [
    `no sidecar that could be asked knows request ${id}`,
    ...kept
      .slice(0, SHOWN)
      .map(({ sidecar, requests, since }) => `  ${sidecar.padEnd(width)}  ${amount(requests, since)}`),
    ...(more > 0 ? [`  and ${more} more: -o json lists them`] : []),
    'It is older than what is kept, or was not parsed: TLS of the app, TCP.',
    ...(isEverywhere ? [] : ['Other namespaces were not asked: -A asks all.']),
  ];
}

function amount(requests: number, since: string | undefined): string {
  return since === undefined ? 'keeps none yet' : `keeps ${requests} since ${since}`;
}

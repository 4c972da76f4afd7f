import type { AffectedProxy } from '../../api/analysis.ts';
import type { Destination } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { REPLAY_MAX_BYTES, type ReplayRequest } from '../../api/replay.ts';

/** In one request, besides their bytes. */
const MAX_DESTINATIONS = 4_096;
/** Of braces and names of fields. */
const FRAME_BYTES = 1_024;

/**
 * Pure: what one sidecar is asked, in as many bodies as it takes: each is judged for itself, and each request is about
 * the configuration or one destination. Undefined: some part is larger than a body may be.
 */
export function replayRequests(
  { config, destinations }: Pick<AffectedProxy, 'config' | 'destinations'>,
  minutes: number,
  maxBytes: number = REPLAY_MAX_BYTES,
): readonly string[] | undefined {
  const room = maxBytes - FRAME_BYTES;
  const parts: Part[] = config === undefined ? [] : [{ config, destinations: [], bytes: bytesOf(config) }];
  for (const destination of destinations) {
    const bytes = bytesOf(destination) + 1;
    const last = parts.at(-1);
    if (last !== undefined && last.bytes + bytes <= room && last.destinations.length < MAX_DESTINATIONS) {
      last.destinations.push(destination);
      last.bytes += bytes;
    } else parts.push({ destinations: [destination], bytes });
  }
  if (parts.some(({ bytes }) => bytes > room)) return undefined;
  return parts.map(({ bytes: _, ...part }): string =>
    JSON.stringify({ ...part, minutes } satisfies ReplayRequest),
  );
}

interface Part {
  readonly config?: ProxyConfig;
  readonly destinations: Destination[];
  bytes: number;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

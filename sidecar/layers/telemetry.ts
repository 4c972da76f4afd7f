import type { Exchange, HttpLayer } from '../http1/exchange.ts';
import type { Direction, Parties } from '../telemetry/parties.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Timers } from '../transport/timers.ts';
import type { Trail } from './trail.ts';

export interface Observation {
  readonly direction: Direction;
  readonly telemetry: Telemetry;
  readonly timers: Timers;
  /** asked when the exchange is over, since outbound learns them on the way */
  readonly parties: () => Parties;
  /** SPIFFE ID or address */
  readonly caller: string;
}

/** Counts every answer, the mesh's own included, and logs the ones that are errors. */
export function observe(observation: Observation): HttpLayer {
  return (next) => (exchange) => {
    exchange.onFinish(() => record(observation, exchange));
    next(exchange);
  };
}

function record(observation: Observation, exchange: Exchange): void {
  const { direction, telemetry } = observation;
  const { trail, error, status } = exchange;
  const parties = observation.parties();
  const durationMs = observation.timers.nowMs() - trail.startedMs;
  telemetry.request(direction, parties, status, trail.encrypted, durationMs);
  if (error !== undefined) telemetry.error(direction, error);
  const edge = telemetry.edges.get(direction, parties, trail.encrypted);
  if (error === 'denied') edge.denied += 1;
  else edge.allowed += 1;
  const failed = error !== undefined || status >= 500 || exchange.aborted;
  if (failed && error !== 'denied') edge.errors += 1;
  if (!failed && trail.auditRule === '') return;
  const { method, path } = exchange.head;
  telemetry.access({ ...accessBase(observation, trail, durationMs), method, path, status, code: error });
}

/** The part that requests and connections have in common. */
export function accessBase(observation: Observation, trail: Trail, durationMs: number) {
  const audited = trail.auditRule !== '' && trail.verdict === 'allowed';
  const policy = audited ? trail.auditPolicy : trail.policy;
  const rule = audited ? trail.auditRule : trail.rule;
  return {
    time: new Date().toISOString(),
    direction: observation.direction,
    caller: observation.caller,
    service: observation.parties().service || undefined,
    endpoint: trail.endpoint || undefined,
    reason: trail.reason || undefined,
    policy: policy || undefined,
    rule: rule || undefined,
    ...(audited ? { wouldDeny: true } : {}),
    durationMs,
  };
}

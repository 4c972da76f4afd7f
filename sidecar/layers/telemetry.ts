import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import type { Subject } from '../explain/trail-kind.ts';
import type { Exchange, FinishListener, HttpLayer } from '../http1/exchange.ts';
import { countOn } from '../telemetry/edges.ts';
import type { Parties } from '../telemetry/parties.ts';
import type { Protocol, RequestMeter } from '../telemetry/request-meters.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Timers } from '../transport/timers.ts';
import { NO_GRPC_STATUS, statusOfGrpc } from './grpc.ts';
import type { Trail } from './trail.ts';

export interface Observation extends Subject {
  readonly telemetry: Telemetry;
  readonly timers: Timers;
  /** asked when the exchange is over, since outbound learns them on the way */
  readonly parties: (trail: Trail) => Parties;
  /** the one that counts what just ended; kept by whoever knows for how long it holds */
  readonly meter: (trail: Trail, protocol: Protocol) => RequestMeter;
}

/** Counts every answer, the mesh's own included, and logs those that policy asks for: errors, unless it says otherwise. */
export function observe(observation: Observation): HttpLayer {
  const observer = new Observer(observation);
  return (next) => (exchange) => {
    exchange.onFinish(observer);
    next(exchange);
  };
}

/** A message that was refused, or a client too slow, before there was an exchange to record it on. */
export function observeRefused(
  observation: Observation,
  trail: Trail,
  protocol: Protocol,
  code: ErrorCode,
  reason: string,
): void {
  const { direction, telemetry } = observation;
  const { httpStatus, grpcStatus } = ERRORS[code];
  // one that is too slow gets no answer
  const status = code === 'timeout' ? 0 : protocol === 'grpc' ? 200 : httpStatus;
  const meter = observation.meter(trail, protocol);
  meter.record(status, 0);
  if (protocol === 'grpc') meter.recordGrpc(grpcStatus);
  countOn(meter.edge, code, true);
  telemetry.error(direction, code);
  if (!telemetry.wantsAccess(true)) return;
  telemetry.access({
    ...accessBase(observation, trail, 0),
    ...{ reason, status, code, grpcStatus: protocol === 'grpc' ? grpcStatus : undefined },
  });
}

class Observer implements FinishListener {
  readonly #observation: Observation;

  constructor(observation: Observation) {
    this.#observation = observation;
  }

  onExchangeFinished(exchange: Exchange): void {
    const { direction, telemetry, timers, meter: meterOf } = this.#observation;
    const { trail, error, status, protocol, grpcStatus } = exchange;
    const meter = telemetry.byPath(meterOf(trail, protocol), exchange.head.path);
    const durationMs = timers.nowMs() - trail.startedMs;
    meter.record(status, durationMs);
    if (protocol === 'grpc') meter.recordGrpc(grpcStatus);
    if (error !== undefined) telemetry.error(direction, error);
    const failed =
      error !== undefined || status >= 500 || exchange.aborted || statusOfGrpc(grpcStatus) >= 500;
    countOn(meter.edge, error, failed);
    telemetry.trails.record(this.#observation, exchange, meter.edge.service, durationMs);
    if (telemetry.wantsAccess(failed || trail.auditRule !== '')) this.#log(exchange, durationMs);
  }

  #log(exchange: Exchange, durationMs: number): void {
    const { head, trail, status, error, grpcStatus } = exchange;
    if (exchange.aborted && error === undefined && trail.reason === '') trail.reason = 'the client went away';
    this.#observation.telemetry.access({
      ...accessBase(this.#observation, trail, durationMs),
      method: head.method,
      path: head.path,
      status,
      grpcStatus: grpcStatus === NO_GRPC_STATUS ? undefined : grpcStatus,
      code: error,
      requestId: trail.requestId || undefined,
      attempts: trail.attempts || undefined,
      retries: trail.attempts > 1 ? trail.attempts - 1 : undefined,
      traceId: trail.traceId || undefined,
    });
  }
}

/** The part that requests and connections have in common. */
export function accessBase(observation: Observation, trail: Trail, durationMs: number) {
  const limited = trail.limit !== '';
  const audited = !limited && trail.auditRule !== '' && trail.verdict === 'allowed';
  const policy = limited ? trail.limitPolicy : audited ? trail.auditPolicy : trail.policy;
  const rule = limited ? trail.limit : audited ? trail.auditRule : trail.rule;
  return {
    time: new Date().toISOString(),
    direction: observation.direction,
    caller: observation.caller,
    service: observation.parties(trail).service || undefined,
    route: trail.route || undefined,
    host: trail.host || undefined,
    endpoint: trail.endpoint || undefined,
    peerCode: trail.peerError || undefined,
    reason: trail.reason || undefined,
    policy: policy || undefined,
    rule: rule || undefined,
    ...(audited ? { wouldDeny: true } : {}),
    durationMs: Math.round(durationMs * 1000) / 1000,
  };
}

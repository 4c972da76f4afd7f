import type { ErrorCode } from '../../api/errors.ts';
import type { Context } from '../context.ts';
import { copy } from '../tcp/copy.ts';
import { countOn } from '../telemetry/edges.ts';
import type { Channel } from '../transport/channel.ts';
import type { IdleWatch } from '../transport/timers.ts';
import { accessBase, type Observation } from './telemetry.ts';
import type { Trail } from './trail.ts';

/** One connection that is not parsed, from its verdict to its end. */
export interface OpaqueConnection {
  readonly client: Channel;
  readonly trail: Trail;
  readonly observation: Observation;
  /** 0: none; undefined: the sidecar's own */
  readonly idleTimeoutMs?: number | undefined;
}

/** Bytes both ways until both sides have ended. */
export function carry(
  context: Context,
  connection: OpaqueConnection,
  server: Channel,
  fromClient: Buffer,
  fromServer: Buffer,
  mayForward?: (bytes: Buffer) => boolean,
): IdleWatch {
  const { observation, trail } = connection;
  const parties = observation.parties(trail);
  const meter = context.telemetry.tcp(observation.direction, parties, trail.encrypted);
  context.telemetry.edges.get(observation.direction, parties, trail.encrypted).allowed += 1;
  return copy(connection.client, server, {
    timers: context.timers,
    idleTimeoutMs: connection.idleTimeoutMs ?? context.limits.idleTimeoutMs,
    fromClient,
    fromServer,
    mayForward,
    onBytes: meter.bytes,
    onDone: meter.close,
  });
}

/** Closes a connection the mesh does not carry: counted and logged, nothing is said on the wire. */
export function refuse(context: Context, connection: OpaqueConnection, code: ErrorCode, reason = ''): void {
  const { observation, trail, client } = connection;
  if (reason !== '') trail.reason = reason;
  const edge = context.telemetry.edges.get(
    observation.direction,
    observation.parties(trail),
    trail.encrypted,
  );
  countOn(edge, code, true);
  context.telemetry.error(observation.direction, code);
  if (context.telemetry.wantsAccess(true)) {
    const durationMs = context.timers.nowMs() - trail.startedMs;
    context.telemetry.access({ ...accessBase(observation, trail, durationMs), code });
  }
  // nothing was said, so there is nothing to be cut
  client.destroy();
}

import { GRPC, NO_GRPC_STATUS } from './grpc.ts';

/**
 * Messages of grpc.health.v1.Health/Check, and what an answer to it means:
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export const HEALTH_METHOD = '/grpc.health.v1.Health/Check';
/** Of a body: a frame's head and one small field; the rest is for fields to come. */
export const HEALTH_ANSWER_MAX_BYTES = 1024;
export const HEALTH_ANSWER_TOO_LONG = 'more than a health check may';

const STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
const SERVING = STATES.indexOf('SERVING');
/** Of statuses, those that health services and meshes answer. */
const LIKELY: Readonly<Record<number, string>> = {
  5: ' NOT_FOUND',
  [GRPC.permissionDenied]: ' PERMISSION_DENIED',
  [GRPC.unimplemented]: ' UNIMPLEMENTED',
  [GRPC.unavailable]: ' UNAVAILABLE',
};
const FRAME_HEAD_BYTES = 5;
const VARINT_MORE = 0x80;

export interface HealthAnswer {
  readonly isServing: boolean;
  /** what the server answered, as the end of a sentence; nothing that it could have made up */
  readonly said: string;
}

/** HealthCheckRequest {string service = 1} as the body of a call; an empty string, the whole server, is not written. */
export function healthRequest(service: string): Buffer {
  const text = Buffer.from(service);
  return frame(text.length === 0 ? text : Buffer.concat([Buffer.from([0x0a, ...varint(text.length)]), text]));
}

function varint(value: number): number[] {
  return value < VARINT_MORE ? [value] : [(value & 0x7f) | VARINT_MORE, ...varint(value >> 7)];
}

/** Not compressed; the length in four bytes. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** @param grpcStatus of trailers, or of the head when there are none; NO_GRPC_STATUS: neither has one */
export function readHealth(httpStatus: number, grpcStatus: number, body: Buffer): HealthAnswer {
  if (httpStatus !== 200 || grpcStatus === NO_GRPC_STATUS) return not(`${httpStatus}, which is no gRPC`);
  if (grpcStatus !== GRPC.ok) return not(`grpc-status ${grpcStatus}${LIKELY[grpcStatus] ?? ''}`);
  const state = stateOf(body);
  if (state === undefined) return not('no HealthCheckResponse');
  return { isServing: state === SERVING, said: STATES[state] ?? `status ${state}` };
}

function not(said: string): HealthAnswer {
  return { isServing: false, said };
}

/** HealthCheckResponse {ServingStatus status = 1}; no field is zero. Undefined: it is something else. */
function stateOf(body: Buffer): number | undefined {
  const message = body.subarray(FRAME_HEAD_BYTES);
  const isWhole = body.length >= FRAME_HEAD_BYTES && body.readUInt32BE(1) === message.length;
  if (!isWhole || body[0] !== 0) return undefined;
  if (message.length === 0) return 0;
  return message.length === 2 && message[0] === 0x08 && message[1]! < VARINT_MORE ? message[1]! : undefined;
}

import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';

/** https://grpc.io/docs/guides/status-codes/ */
export const GRPC = {
  ok: 0,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;
/** No status came. */
export const NO_GRPC_STATUS = -1;
export const GRPC_STATUSES = 17;

const CONTENT_TYPE = 'application/grpc';
const PLUS = 0x2b;
const SEMICOLON = 0x3b;

/**
 * Of a request of HTTP/2, by its Content-Type
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md); gRPC-Web is another protocol.
 */
export function isGrpc({ fields }: RequestHead): boolean {
  return isGrpcType(fields.get('content-type'));
}
export function isGrpcType(type: string | undefined): boolean {
  if (type === undefined || !type.startsWith(CONTENT_TYPE)) return false;
  const next = type.charCodeAt(CONTENT_TYPE.length);
  return type.length === CONTENT_TYPE.length || next === PLUS || next === SEMICOLON;
}

/** The `grpc-status` among headers or trailers; what is no status is UNKNOWN, as clients take it. */
export function grpcStatus(fields: Fields): number {
  const text = fields.get('grpc-status');
  if (text === undefined) return NO_GRPC_STATUS;
  const isStatus = /^(?:[0-9]|1[0-6])$/.test(text);
  return isStatus ? Number(text) : GRPC.unknown;
}

/** The HTTP status that says the same of the endpoint, as Envoy's outlier detection takes it; 200: nothing against it. */
export function statusOfGrpc(status: number): number {
  switch (status) {
    case GRPC.unknown:
    case GRPC.internal:
    case GRPC.dataLoss:
      return 500;
    case GRPC.unimplemented:
      return 501;
    case GRPC.unavailable:
      return 503;
    case GRPC.deadlineExceeded:
      return 504;
    default:
      return 200;
  }
}

/** What a mesh error is in gRPC; for a status other than the error's own, by gRPC's http-grpc-status-mapping. */
export function grpcOfError(code: ErrorCode, httpStatus: number): number {
  const error = ERRORS[code];
  if (httpStatus === error.httpStatus) return error.grpcStatus;
  switch (httpStatus) {
    case 400:
      return GRPC.internal;
    case 401:
      return GRPC.unauthenticated;
    case 403:
      return GRPC.permissionDenied;
    case 404:
      return GRPC.unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GRPC.unavailable;
    default:
      return GRPC.unknown;
  }
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The deadline a gRPC client sets itself, rounded up to whole milliseconds; -1: none, or none that can be read. */
export function grpcTimeoutMs({ fields }: RequestHead): number {
  const text = fields.get('grpc-timeout');
  if (text === undefined) return -1;
  const [, value, unit] = /^([0-9]{1,8})([HMSmun])$/.exec(text) ?? [];
  return value === undefined ? -1 : Math.ceil(Number(value) * UNIT_MS[unit!]!);
}

/**
 * The smaller of what policy and a gRPC client allow, milliseconds; 0: no end. Whoever is behind learns of it when it
 * is the policy's.
 */
export function deadlineMs({ protocol, head }: Exchange, policyMs: number): number {
  if (protocol !== 'grpc') return policyMs;
  const askedMs = grpcTimeoutMs(head);
  if (policyMs === 0 || (askedMs !== -1 && askedMs <= policyMs)) {
    return askedMs === 0 ? 1 : Math.max(askedMs, 0);
  }
  head.fields.remove('grpc-timeout');
  head.fields.add(
    'grpc-timeout',
    policyMs < 1e8 ? `${Math.ceil(policyMs)}m` : `${Math.ceil(policyMs / 1000)}S`,
  );
  return policyMs;
}

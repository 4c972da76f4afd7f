/**
 * The one table of answers the mesh itself makes. Each is sent with a `weft-error` header, counted in
 * `weft_errors_total{code}` and written in the access log under the same code.
 * gRPC statuses: https://grpc.io/docs/guides/status-codes/
 */
export interface MeshError {
  readonly code: string;
  readonly httpStatus: number;
  readonly grpcStatus: number;
  readonly message: string;
}

export const ERRORS = {
  'no-route': error('no-route', 404, 12, 'no route matches this request'),
  denied: error('denied', 403, 7, 'the caller may not make this request'),
  unauthenticated: error('unauthenticated', 401, 16, 'the caller gave no valid credentials'),
  'rate-limited': error('rate-limited', 429, 8, 'too many requests; try again later'),
  'bad-request': error('bad-request', 400, 3, 'the request is not valid HTTP'),
  'header-too-large': error('header-too-large', 431, 8, 'the request header is too large'),
  'body-too-large': error('body-too-large', 413, 8, 'the request body is too large'),
  'no-endpoints': error('no-endpoints', 503, 14, 'the destination has no ready endpoint'),
  'circuit-open': error('circuit-open', 503, 14, 'the circuit breaker of the destination is open'),
  overloaded: error('overloaded', 503, 14, 'the proxy is at its limit'),
  'control-plane-unreachable': error(
    'control-plane-unreachable',
    503,
    14,
    'this destination is not known yet and the control plane cannot be asked',
  ),
  'identity-mismatch': error(
    'identity-mismatch',
    502,
    14,
    'the endpoint did not prove the expected identity',
  ),
  'connect-failure': error('connect-failure', 502, 14, 'the endpoint could not be reached'),
  'upstream-reset': error('upstream-reset', 502, 14, 'the endpoint closed the connection before answering'),
  'upstream-protocol': error('upstream-protocol', 502, 14, 'the endpoint answered with invalid HTTP'),
  loop: error('loop', 508, 9, 'the request went through this proxy before'),
  timeout: error('timeout', 504, 4, 'the request took too long'),
  fault: error('fault', 503, 14, 'a fault was injected by policy'),
  /** the connection is closed without an answer; the code is only counted and logged */
  'strict-mtls': error('strict-mtls', 403, 7, 'plaintext is refused here'),
} as const satisfies Record<string, MeshError>;

export type ErrorCode = keyof typeof ERRORS;

function error<C extends string>(code: C, httpStatus: number, grpcStatus: number, message: string) {
  return { code, httpStatus, grpcStatus, message } as const;
}

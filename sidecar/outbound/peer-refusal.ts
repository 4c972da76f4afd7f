import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { HEADER_ERROR } from '../../api/names.ts';
import type { ResponseHead } from '../http1/response-head.ts';

/** What another sidecar says when the app behind it was sent nothing. */
export const UNSENT: ReadonlySet<string> = new Set<ErrorCode>([
  'connect-failure',
  'circuit-open',
  'overloaded',
]);

/**
 * The error another sidecar answers with in its own name, and not the app behind it; only of an endpoint that may
 * speak in the mesh's name.
 */
export function peerRefusal(head: ResponseHead): ErrorCode | undefined {
  // to a gRPC call in trailers only, with 200
  if (head.status < 400 && head.fields.get('grpc-status') === undefined) return undefined;
  const code = head.fields.get(HEADER_ERROR);
  return code !== undefined && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : undefined;
}

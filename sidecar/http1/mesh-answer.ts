import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { HEADER_ERROR } from '../../api/names.ts';
import { grpcOfError } from '../layers/grpc.ts';
import { FieldLines } from './fields.ts';
import { NO_BODY } from './framing.ts';
import { ResponseHead } from './response-head.ts';

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  508: 'Loop Detected',
};

/** A further field of an answer the mesh makes. */
export type ExtraField = readonly [name: string, value: string];
export const NO_FIELDS: readonly ExtraField[] = [];

export function errorBody(code: ErrorCode): Buffer {
  return Buffer.from(`${JSON.stringify({ error: code, message: ERRORS[code].message })}\n`);
}

/** Trailers only: the status of the call is in the head, and nothing follows. */
export function grpcErrorHead(code: ErrorCode, more: readonly ExtraField[], status: number): ResponseHead {
  const fields = new FieldLines();
  fields.add(HEADER_ERROR, code);
  fields.add('content-type', 'application/grpc');
  fields.add('grpc-status', String(grpcOfError(code, status)));
  // ASCII without a percent sign, so it is its own encoding
  fields.add('grpc-message', ERRORS[code].message);
  for (const [name, value] of more) fields.add(name, value);
  return new ResponseHead(200, 'OK', fields, NO_BODY, {});
}

export function errorHead(
  code: ErrorCode,
  length: number,
  method: string,
  more: readonly ExtraField[] = NO_FIELDS,
  status: number = ERRORS[code].httpStatus,
): ResponseHead {
  const fields = new FieldLines();
  fields.add(HEADER_ERROR, code);
  fields.add('Content-Type', 'application/json');
  for (const [name, value] of more) fields.add(name, value);
  const isHead = method === 'HEAD';
  return new ResponseHead(
    status,
    REASONS[status] ?? '',
    fields,
    isHead ? NO_BODY : { type: 'length', length },
    {
      describedLength: isHead ? length : -1,
    },
  );
}

import { constants, type ServerHttp2Stream } from 'node:http2';
import type { StreamErrorMessage } from '../../api/stream.ts';

/** The answer to a stream that is not admitted: the status, and one line that says why. */
export function refuse(
  stream: ServerHttp2Stream,
  status: number,
  code: StreamErrorMessage['code'],
  message: string,
): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ':status': status, 'content-type': 'application/x-ndjson' });
  stream.end(errorLine(code, message));
  closeAfterEnd(stream);
}

/** Once all is written, tells the other side that nothing more is read either: RFC 9113 section 8.1. */
export function closeAfterEnd(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_NO_ERROR);
}

export function errorLine(code: StreamErrorMessage['code'], message: string): string {
  return `${JSON.stringify({ type: 'error', code, message } satisfies StreamErrorMessage)}\n`;
}

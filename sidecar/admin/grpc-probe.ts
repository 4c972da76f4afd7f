import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Socket } from 'node:net';
import type { GrpcProbe } from './declared-probes.ts';

/**
 * grpc.health.v1.Health/Check over HTTP/2 without TLS, as the kubelet asks:
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/probe/grpc/grpc.go
 */
const METHOD = '/grpc.health.v1.Health/Check';
const STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
const SERVING = STATES.indexOf('SERVING');
/** A frame's head, and a message of one short field. */
const FRAME_HEAD_BYTES = 5;
const ANSWER_MAX_BYTES = 1024;

/** Rejects when there is no answer; `dialled` is a connection to the app that is being made. */
export async function askGrpc(
  { service, port }: GrpcProbe,
  host: string,
  userAgent: string,
  dialled: Socket,
): Promise<{ readonly status: number; readonly detail: string }> {
  const session = connect(`http://${host}:${port}`, { createConnection: () => dialled });
  try {
    const state = await check(session, service, userAgent);
    return { status: state === SERVING ? 200 : 503, detail: `the app answered ${STATES[state] ?? state}` };
  } finally {
    session.destroy();
  }
}

function check(session: ClientHttp2Session, service: string, userAgent: string): Promise<number> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.on('close', () => reject(new Error('the app closed the connection')));
    const stream = session.request({
      ...{ ':method': 'POST', ':path': METHOD, 'user-agent': userAgent },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    stream.on('error', reject);
    readAnswer(stream).then(resolve, reject);
    stream.end(frame(message(service)));
  });
}

/** The state that the app answers; rejects with its gRPC status where it has none. */
function readAnswer(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0);
    let grpcStatus: string | undefined;
    let httpStatus: number | undefined;
    const noteStatus = (headers: Readonly<Record<string, unknown>>) => {
      grpcStatus = headers['grpc-status'] === undefined ? grpcStatus : String(headers['grpc-status']);
    };
    stream.on('response', (headers) => {
      httpStatus = headers[':status'];
      noteStatus(headers);
    });
    stream.on('trailers', noteStatus);
    stream.on('data', (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
      if (body.length > ANSWER_MAX_BYTES) reject(new Error('the app answered more than a health check may'));
    });
    // After trailers and body, in whichever order they came.
    stream.on('close', () => {
      if (grpcStatus === '0') resolve(stateOf(body));
      else if (grpcStatus === undefined)
        reject(new Error(`the app answered ${httpStatus}, which is no gRPC`));
      else reject(new Error(`the app answered with grpc-status ${grpcStatus}`));
    });
  });
}

/** HealthCheckRequest {string service = 1}; an empty string is not written. */
function message(service: string): Buffer {
  const text = Buffer.from(service);
  return text.length === 0 ? text : Buffer.concat([Buffer.from([0x0a, ...varint(text.length)]), text]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}

/** Not compressed; the length in four bytes. */
function frame(content: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** HealthCheckResponse {ServingStatus status = 1}; no field is zero. -1: not one. */
function stateOf(answer: Buffer): number {
  const content = answer.subarray(FRAME_HEAD_BYTES);
  if (answer.length < FRAME_HEAD_BYTES || answer[0] !== 0) return -1;
  if (content.length === 0) return 0;
  return content.length === 2 && content[0] === 0x08 && content[1]! < 0x80 ? content[1]! : -1;
}

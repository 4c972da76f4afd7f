import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { NO_GRPC_STATUS } from '../layers/grpc.ts';
import {
  HEALTH_ANSWER_MAX_BYTES,
  HEALTH_ANSWER_TOO_LONG,
  HEALTH_METHOD,
  type HealthAnswer,
  healthRequest,
  readHealth,
} from '../layers/grpc-health.ts';
import type { GrpcProbe } from './declared-probes.ts';

/**
 * grpc.health.v1.Health/Check over HTTP/2 without TLS, as the kubelet asks:
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/probe/grpc/grpc.go
 * Rejects when there is no answer; `dialled` is a connection to the app that is being made.
 */
export async function askGrpc(
  { service, port }: GrpcProbe,
  host: string,
  userAgent: string,
  dialled: Socket,
): Promise<{ readonly status: number; readonly detail: string }> {
  const session = connect(`http://${host}:${port}`, { createConnection: () => dialled });
  try {
    const { isServing, said } = await check(session, service, userAgent);
    return { status: isServing ? 200 : 503, detail: `the app answered ${said}` };
  } finally {
    session.destroy();
  }
}

function check(session: ClientHttp2Session, service: string, userAgent: string): Promise<HealthAnswer> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.on('close', () => reject(new Error('the app closed the connection')));
    const stream = session.request({
      ...{ ':method': 'POST', ':path': HEALTH_METHOD, 'user-agent': userAgent },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    stream.on('error', reject);
    readAnswer(stream).then(resolve, reject);
    stream.end(healthRequest(service));
  });
}

function readAnswer(stream: ClientHttp2Stream): Promise<HealthAnswer> {
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0);
    let grpcStatus = NO_GRPC_STATUS;
    let httpStatus = 0;
    const noteStatus = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] !== undefined) grpcStatus = Number(headers['grpc-status']);
    };
    stream.on('response', (headers) => {
      httpStatus = headers[':status'] ?? 0;
      noteStatus(headers);
    });
    stream.on('trailers', noteStatus);
    stream.on('data', (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
      if (body.length > HEALTH_ANSWER_MAX_BYTES)
        reject(new Error(`the app answered ${HEALTH_ANSWER_TOO_LONG}`));
    });
    // After trailers and body, in whichever order they came.
    stream.on('close', () => resolve(readHealth(httpStatus, grpcStatus, body)));
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_GRPC_STATUS } from './grpc.ts';
import { healthRequest, readHealth } from './grpc-health.ts';

const REQUESTS: [service: string, bytes: number[]][] = [
  ['', [0, 0, 0, 0, 0]],
  ['a.B', [0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42]],
  ['ü', [0, 0, 0, 0, 4, 0x0a, 2, 0xc3, 0xbc]],
];
for (const [service, bytes] of REQUESTS) {
  test(`the health of ${JSON.stringify(service)} is asked for as protocol buffers have it`, () => {
    assert.deepEqual([...healthRequest(service)], bytes);
  });
}

test('the length of a long service is a varint of two bytes', () => {
  const request = healthRequest('s'.repeat(253));
  assert.deepEqual([...request.subarray(0, 9)], [0, 0, 0, 1, 0, 0x0a, 0xfd, 0x01, 0x73]);
  assert.equal(request.length, 5 + 256);
});

const framed = (...message: number[]) => [0, 0, 0, 0, message.length, ...message];
const ANSWERS: [name: string, grpcStatus: number, body: number[], said: string][] = [
  ['SERVING', 0, framed(8, 1), 'SERVING'],
  ['no field, which is zero', 0, framed(), 'UNKNOWN'],
  ['UNKNOWN, written', 0, framed(8, 0), 'UNKNOWN'],
  ['NOT_SERVING', 0, framed(8, 2), 'NOT_SERVING'],
  ['SERVICE_UNKNOWN', 0, framed(8, 3), 'SERVICE_UNKNOWN'],
  ['a status that does not exist', 0, framed(8, 9), 'status 9'],
  ['a status of two bytes', 0, framed(8, 0x81, 1), 'no HealthCheckResponse'],
  ['another field', 0, framed(0x12, 1, 1), 'no HealthCheckResponse'],
  ['the field with another wire type', 0, framed(0x0a, 1, 1), 'no HealthCheckResponse'],
  ['the field without its value', 0, framed(8), 'no HealthCheckResponse'],
  ['nothing at all', 0, [], 'no HealthCheckResponse'],
  ['half the head of a frame', 0, [0, 0, 0], 'no HealthCheckResponse'],
  ['a frame that is cut off', 0, [0, 0, 0, 0, 2, 8], 'no HealthCheckResponse'],
  ['two messages', 0, [...framed(8, 1), ...framed(8, 1)], 'no HealthCheckResponse'],
  ['a compressed message', 0, [1, 0, 0, 0, 2, 8, 1], 'no HealthCheckResponse'],
  ['a frame as long as can be', 0, [0, 0xff, 0xff, 0xff, 0xff, 8, 1], 'no HealthCheckResponse'],
  ['no such method', 12, [], 'grpc-status 12 UNIMPLEMENTED'],
  ['no such service', 5, [], 'grpc-status 5 NOT_FOUND'],
  ['a refusal', 7, [], 'grpc-status 7 PERMISSION_DENIED'],
  ['an error after SERVING', 13, framed(8, 1), 'grpc-status 13'],
  ['SERVING without grpc-status', NO_GRPC_STATUS, framed(8, 1), '200, which is no gRPC'],
];
for (const [name, grpcStatus, body, said] of ANSWERS) {
  test(`an answer of ${name}`, () => {
    assert.deepEqual(readHealth(200, grpcStatus, Buffer.from(body)), { isServing: said === 'SERVING', said });
  });
}

test('an answer that is not 200 is no gRPC, whatever else it says', () => {
  for (const grpcStatus of [NO_GRPC_STATUS, 0, 12]) {
    const answer = readHealth(404, grpcStatus, Buffer.from(framed(8, 1)));
    assert.deepEqual(answer, { isServing: false, said: '404, which is no gRPC' });
  }
});

test('of all bytes only one answer is SERVING', () => {
  const serving = Buffer.from(framed(8, 1));
  const bytes = fc.uint8Array({ maxLength: 12 });
  const near = fc.tuple(fc.nat(serving.length - 1), fc.nat(255)).map(([at, value]) => {
    const changed = Buffer.from(serving);
    changed[at] = value;
    return changed;
  });
  fc.assert(
    fc.property(fc.oneof(bytes, near), (body) => {
      assert.equal(readHealth(200, 0, Buffer.from(body)).isServing, serving.equals(body));
    }),
  );
});

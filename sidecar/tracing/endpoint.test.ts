import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookup, tracesUrl } from './endpoint.ts';

test('spans go to /v1/traces unless the endpoint says where', () => {
  for (const [endpoint, url] of [
    ['http://otel-collector:4318', 'http://otel-collector:4318/v1/traces'],
    ['http://otel-collector:4318/', 'http://otel-collector:4318/v1/traces'],
    ['https://traces.example/otlp/v1/traces', 'https://traces.example/otlp/v1/traces'],
    ['http://[::1]:4318', 'http://[::1]:4318/v1/traces'],
  ]) {
    assert.equal(tracesUrl(endpoint!)?.href, url);
  }
});

test('spans go to no other scheme, to no link-local address, and with no password', () => {
  for (const endpoint of [
    ...['', 'otel-collector:4318', 'file:///etc/passwd', 'unix:/run/x', 'grpc://collector:4317'],
    ...['http://user:secret@collector:4318', 'http://user@collector:4318', 'http://'],
    ...['http://169.254.169.254/latest', 'http://[fe80::1]:4318', 'http://[::ffff:169.254.169.254]'],
    ...['http://0xa9fea9fe/', 'http://2852039166'],
  ]) {
    assert.equal(tracesUrl(endpoint), undefined, endpoint);
  }
});

test('a name is looked up in either form that is asked for', async () => {
  const all = await new Promise((resolve) => {
    lookup('127.0.0.1', { all: true }, (_error, addresses) => resolve(addresses));
  });
  assert.deepEqual(all, [{ address: '127.0.0.1', family: 4 }]);
  const one = await new Promise((resolve) => {
    lookup('127.0.0.1', { family: 4 }, (_error, address, family) => resolve([address, family]));
  });
  assert.deepEqual(one, ['127.0.0.1', 4]);
});

test('a name that stands for a link-local address is not found', async () => {
  const error = await new Promise<Error | null>((resolve) => {
    lookup('169.254.169.254', { all: true }, (failure) => resolve(failure));
  });
  assert.match(String(error?.message), /link-local/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tracesUrl } from './traces-url.ts';

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

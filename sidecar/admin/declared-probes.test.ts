import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseProbes } from './declared-probes.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const http = (change: object = {}) => ({
  [`${TOKEN}/app/liveness`]: { httpGet: { path: '/', port: 80, ...change } },
});
const probe = (change: object) => ({ [`${TOKEN}/app/liveness`]: { tcpSocket: { port: 80 }, ...change } });

describe('declared probes', () => {
  it('are read with the defaults of Kubernetes', () => {
    const httpGet = {
      path: '/ready?x=1',
      port: 8443,
      scheme: 'HTTPS',
      httpHeaders: [{ name: 'Host', value: 'a' }],
    };
    const probes = parseProbes(
      JSON.stringify({
        [`${TOKEN}/app/readiness`]: { httpGet, timeoutSeconds: 3 },
        [`${TOKEN}/app/liveness`]: { tcpSocket: { port: 80 } },
        [`${TOKEN}/app/startup`]: { httpGet: { port: 80, path: 'healthz' } },
        [`${TOKEN}/app/preStop`]: { httpGet: { port: 80 }, timeoutSeconds: 30 },
        [`${TOKEN}/rpc/liveness`]: { grpc: { port: 50051, service: 'shop.Cart' } },
        [`${TOKEN}/rpc/startup`]: { grpc: { port: 50051 } },
      }),
    );
    assert.deepEqual(Object.fromEntries(probes), {
      [`${TOKEN}/app/readiness`]: {
        ...{ type: 'http', scheme: 'https', path: '/ready?x=1', port: 8443, timeoutMs: 3000 },
        headers: [{ name: 'Host', value: 'a' }],
      },
      [`${TOKEN}/app/liveness`]: { type: 'tcp', port: 80, timeoutMs: 1000 },
      [`${TOKEN}/app/startup`]: {
        type: 'http',
        scheme: 'http',
        path: '/healthz',
        port: 80,
        timeoutMs: 1000,
        headers: [],
      },
      [`${TOKEN}/app/preStop`]: {
        type: 'http',
        scheme: 'http',
        path: '/',
        port: 80,
        timeoutMs: 30_000,
        headers: [],
      },
      [`${TOKEN}/rpc/liveness`]: { type: 'grpc', port: 50051, service: 'shop.Cart', timeoutMs: 1000 },
      [`${TOKEN}/rpc/startup`]: { type: 'grpc', port: 50051, service: '', timeoutMs: 1000 },
    });
  });

  const bad: [name: string, value: unknown, reason: RegExp][] = [
    ['a list', [], /must be an object/],
    ['null', null, /must be an object/],
    ['a key without kind', { [`${TOKEN}/app`]: {} }, /a key must be </],
    ['a key without token', { 'app/liveness': {} }, /a key must be </],
    ['a short token', { 'abc/app/liveness': {} }, /a key must be </],
    ['an unknown kind', { [`${TOKEN}/app/other`]: {} }, /a key must be </],
    ['a key that climbs', { [`${TOKEN}/../liveness`]: {} }, /a key must be </],
    ['neither kind of action', { [`${TOKEN}/app/liveness`]: {} }, /^Error: app\/liveness: must have either/],
    ['both kinds of action', probe({ httpGet: { port: 80 } }), /either httpGet, tcpSocket or grpc/],
    ['gRPC and TCP', probe({ grpc: { port: 80 } }), /either httpGet, tcpSocket or grpc/],
    [
      'a service that is no text',
      { [`${TOKEN}/app/liveness`]: { grpc: { port: 80, service: 5 } } },
      /service/,
    ],
    ['gRPC without a port', { [`${TOKEN}/app/liveness`]: { grpc: {} } }, /port must be/],
    ['a named port', probe({ tcpSocket: { port: 'http' } }), /port must be a number/],
    ['port 0', probe({ tcpSocket: { port: 0 } }), /port must be/],
    ['port 65536', http({ port: 65_536 }), /port must be/],
    ['no timeout', probe({ timeoutSeconds: 0 }), /timeoutSeconds/],
    ['an endless timeout', probe({ timeoutSeconds: 3601 }), /timeoutSeconds/],
    ['another scheme', http({ scheme: 'FTP' }), /scheme must be/],
    ['a path with a blank', http({ path: '/a b' }), /path/],
    ['a path that splits the request', http({ path: '/ HTTP/1.1\r\nx: y' }), /path/],
    ['a header name with a colon', http({ httpHeaders: [{ name: 'a:', value: '' }] }), /name of a header/],
    [
      'a header value with a line break',
      http({ httpHeaders: [{ name: 'a', value: 'b\r\nc: d' }] }),
      /header a/,
    ],
    ['headers that are no list', http({ httpHeaders: {} }), /httpHeaders/],
  ];
  for (const [name, value, reason] of bad) {
    it(`are refused with ${name}`, () => assert.throws(() => parseProbes(JSON.stringify(value)), reason));
  }
});

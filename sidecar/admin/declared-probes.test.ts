import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseProbes } from './declared-probes.ts';

const http = (change: object = {}) => ({ 'app/liveness': { httpGet: { path: '/', port: 80, ...change } } });
const probe = (change: object) => ({ 'app/liveness': { tcpSocket: { port: 80 }, ...change } });

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
        'app/readiness': { httpGet, timeoutSeconds: 3 },
        'app/liveness': { tcpSocket: { port: 80 } },
        'app/startup': { httpGet: { port: 80, path: 'healthz' } },
        'app/preStop': { httpGet: { port: 80 }, timeoutSeconds: 30 },
      }),
    );
    assert.deepEqual(Object.fromEntries(probes), {
      'app/readiness': {
        ...{ type: 'http', scheme: 'https', path: '/ready?x=1', port: 8443, timeoutMs: 3000 },
        headers: [{ name: 'Host', value: 'a' }],
      },
      'app/liveness': { type: 'tcp', port: 80, timeoutMs: 1000 },
      'app/startup': {
        type: 'http',
        scheme: 'http',
        path: '/healthz',
        port: 80,
        timeoutMs: 1000,
        headers: [],
      },
      'app/preStop': { type: 'http', scheme: 'http', path: '/', port: 80, timeoutMs: 30_000, headers: [] },
    });
  });

  const bad: [name: string, value: unknown, reason: RegExp][] = [
    ['a list', [], /must be an object/],
    ['null', null, /must be an object/],
    ['a key without kind', { app: {} }, /"app" must be/],
    ['an unknown kind', { 'app/other': {} }, /"app\/other" must be/],
    ['a key that climbs', { '../liveness': {} }, /must be </],
    ['neither kind of action', { 'app/liveness': {} }, /either httpGet or tcpSocket/],
    ['both kinds of action', probe({ httpGet: { port: 80 } }), /either httpGet or tcpSocket/],
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

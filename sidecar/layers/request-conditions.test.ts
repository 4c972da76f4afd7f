import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Operation } from '../../api/proxy-config.ts';
import { matches, type Sent } from './authorization.fixture.ts';
import { hasMember } from './request-conditions.ts';

const GRPC: Operation = { grpc: { service: 'pay.Api', methods: ['Get'] } };
const CALL = 'POST /pay.Api/Get HTTP/1.1';
const GRPC_FIELDS = 'Host: api\r\nContent-Type: application/grpc';
const HOSTS: Operation = { hosts: ['api.shop', '*.example.com'] };
const HEADER: Operation = { headers: [{ name: 'x-role', value: 'admin' }] };

/** Which kinds of rule match: both, one, or none. */
const TABLE: readonly (readonly [says: string, to: Operation, sent: Sent, allow: boolean, deny: boolean])[] =
  [
    ['a host', HOSTS, { fields: 'Host: api.shop' }, true, true],
    [
      'a host in capitals, with a port and a trailing dot',
      HOSTS,
      { fields: 'Host: API.Shop.:8080' },
      true,
      true,
    ],
    ['one label for the asterisk', HOSTS, { fields: 'Host: a.example.com' }, true, true],
    ['two labels for the asterisk', HOSTS, { fields: 'Host: a.b.example.com' }, true, true],
    ['no label for the asterisk', HOSTS, { fields: 'Host: example.com' }, false, false],
    ['another name with the same end', HOSTS, { fields: 'Host: evilexample.com' }, false, false],
    ['another host', HOSTS, { fields: 'Host: api.shop.evil' }, false, false],
    [
      'the host of an absolute target, whatever Host says',
      HOSTS,
      { line: 'GET http://api.shop/ HTTP/1.1', fields: 'Host: other' },
      true,
      true,
    ],
    ['no host at all', HOSTS, { line: 'GET / HTTP/1.0', fields: 'X: y' }, false, true],
    ['an IPv6 host', { hosts: ['[::1]'] }, { fields: 'Host: [::1]:8080' }, true, true],

    ['a header', HEADER, { fields: 'Host: a\r\nX-ROLE: admin' }, true, true],
    ['another value', HEADER, { fields: 'Host: a\r\nX-Role: Admin' }, false, false],
    ['no such header', HEADER, { fields: 'Host: a' }, false, false],
    ['a repeated header', HEADER, { fields: 'Host: a\r\nX-Role: user\r\nX-Role: admin' }, false, true],
    ['a repeated header, first', HEADER, { fields: 'Host: a\r\nX-Role: admin\r\nX-Role: user' }, false, true],
    ['a list with the value', HEADER, { fields: 'Host: a\r\nX-Role: user ,\tadmin' }, false, true],
    [
      'a list with the value as part of another',
      HEADER,
      { fields: 'Host: a\r\nX-Role: administrator, x admin' },
      false,
      false,
    ],
    ['a name that apps may read as the header', HEADER, { fields: 'Host: a\r\nx_role: admin' }, false, true],
    ['one with another sign', HEADER, { fields: 'Host: a\r\nX.Role: user, admin' }, false, true],
    [
      'such a name beside the header',
      HEADER,
      { fields: 'Host: a\r\nX-Role: admin\r\nX_Role: user' },
      false,
      true,
    ],
    [
      'such a name and then the header with another value',
      HEADER,
      { fields: 'Host: a\r\nX_Role: admin\r\nX-Role: user' },
      false,
      true,
    ],
    ['such a name with another value', HEADER, { fields: 'Host: a\r\nx_role: user' }, false, false],
    ['a letter for the sign', HEADER, { fields: 'Host: a\r\nxarole: admin' }, false, false],
    ['a longer name', HEADER, { fields: 'Host: a\r\nx_roles: admin' }, false, false],
    [
      'the header beside a name with a letter for the sign',
      HEADER,
      { fields: 'Host: a\r\nX-Role: admin\r\nx0role: user' },
      true,
      true,
    ],
    [
      'a rule whose own name has such a sign',
      { headers: [{ name: 'x_role', value: 'admin' }] },
      { fields: 'Host: a\r\nX-Role: admin' },
      false,
      true,
    ],
    [
      'all of several headers',
      {
        headers: [
          { name: 'a', value: '1' },
          { name: 'b', value: '2' },
        ],
      },
      { fields: 'Host: a\r\na: 1\r\nb: 2' },
      true,
      true,
    ],
    [
      'one of several headers',
      {
        headers: [
          { name: 'a', value: '1' },
          { name: 'b', value: '2' },
        ],
      },
      { fields: 'Host: a\r\na: 1' },
      false,
      false,
    ],
    [
      'a header in UTF-8',
      { headers: [{ name: 'x-name', value: 'Jürgen' }] },
      { fields: `Host: a\r\nX-Name: ${Buffer.from('Jürgen').toString('latin1')}` },
      true,
      true,
    ],
    [
      'an upgrade',
      { headers: [{ name: 'upgrade', value: 'websocket' }] },
      { fields: 'Host: a\r\nConnection: upgrade\r\nUpgrade: websocket' },
      true,
      true,
    ],
    [
      'the length of the body',
      { headers: [{ name: 'content-length', value: '3' }] },
      { line: 'POST / HTTP/1.1', fields: 'Host: a\r\nContent-Length: 3' },
      true,
      true,
    ],
    [
      'a body in chunks',
      { headers: [{ name: 'transfer-encoding', value: 'chunked' }] },
      { line: 'POST / HTTP/1.1', fields: 'Host: a\r\nTransfer-Encoding: chunked' },
      true,
      true,
    ],

    ['a gRPC call', GRPC, { line: CALL, fields: GRPC_FIELDS }, true, true],
    ['gRPC-Web', GRPC, { line: CALL, fields: `${GRPC_FIELDS}-web+proto` }, true, true],
    ['gRPC with a parameter', GRPC, { line: CALL, fields: `${GRPC_FIELDS};charset=utf-8` }, true, true],
    ['another gRPC method', GRPC, { line: 'POST /pay.Api/Put HTTP/1.1', fields: GRPC_FIELDS }, false, false],
    [
      'another gRPC service',
      GRPC,
      { line: 'POST /pay.ApiX/Get HTTP/1.1', fields: GRPC_FIELDS },
      false,
      false,
    ],
    [
      'any method of a service',
      { grpc: { service: 'pay.Api' } },
      { line: 'POST /pay.Api/Put HTTP/1.1', fields: GRPC_FIELDS },
      true,
      true,
    ],
    [
      'a service without a method',
      { grpc: { service: 'pay.Api' } },
      { line: 'POST /pay.Api HTTP/1.1', fields: GRPC_FIELDS },
      false,
      false,
    ],
    [
      'the path of a gRPC call with another method',
      GRPC,
      { line: 'GET /pay.Api/Get HTTP/1.1', fields: GRPC_FIELDS },
      false,
      true,
    ],
    ['the path of a gRPC call with JSON', GRPC, { line: CALL, fields: 'Host: a' }, false, true],
    [
      'a content type that only begins like gRPC',
      GRPC,
      { line: CALL, fields: `${GRPC_FIELDS}ish` },
      false,
      true,
    ],
    [
      'two content types',
      GRPC,
      { line: CALL, fields: `${GRPC_FIELDS}\r\nContent-Type: text/html` },
      false,
      true,
    ],
    [
      'gRPC and a path that holds',
      { ...GRPC, paths: ['/pay.Api/**'] },
      { line: CALL, fields: GRPC_FIELDS },
      true,
      true,
    ],
    [
      'gRPC and a path that does not',
      { ...GRPC, paths: ['/other/**'] },
      { line: CALL, fields: GRPC_FIELDS },
      false,
      false,
    ],
    [
      'a gRPC path with a parameter',
      GRPC,
      { line: 'POST /pay.Api/Get;x HTTP/1.1', fields: GRPC_FIELDS },
      false,
      true,
    ],
  ];

for (const [says, to, sent, allow, deny] of TABLE) {
  test(`Allow ${allow ? 'matches' : 'does not match'}, Deny ${deny ? 'matches' : 'does not'}: ${says}`, () => {
    assert.equal(matches('Allow', to, undefined, sent), allow, 'Allow');
    assert.equal(matches('Deny', to, undefined, sent), deny, 'Deny');
  });
}

test('hasMember is what splitting at commas finds', () => {
  const piece = fc.constantFrom('a', 'b', 'ab', ',', ' ', '\t', '');
  const list = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  const value = fc.constantFrom('a', 'b', 'ab', 'a b');
  fc.assert(
    fc.property(list, value, (text, wanted) => {
      const members = text.split(',').map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''));
      assert.equal(hasMember(text, wanted), members.includes(wanted));
    }),
    { numRuns: 2_000 },
  );
});

import { bad, badLine, type CorpusCase, good, HOST } from './case.ts';

const ABSOLUTE = 'RFC 9112 3.2.2';
const AUTHORITY = 'RFC 9112 3.2.3';
const absolute = (name: string, from: string, to: string, host: string): CorpusCase =>
  good(ABSOLUTE, name, `GET ${from} HTTP/1.1\r\n${HOST}\r\n`, `GET ${to} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
const badAbsolute = (name: string, target: string): CorpusCase =>
  badLine(ABSOLUTE, name, `GET ${target} HTTP/1.1`);
const connect = (name: string, from: string, to: string): CorpusCase =>
  good(
    AUTHORITY,
    name,
    `CONNECT ${from} HTTP/1.1\r\n${HOST}\r\n`,
    `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`,
  );
const badConnect = (name: string, target: string): CorpusCase =>
  badLine(AUTHORITY, name, `CONNECT ${target} HTTP/1.1`);

/** Absolute form and CONNECT: targets that name the host. */
export const AUTHORITIES: readonly CorpusCase[] = [
  absolute('absolute form: its authority replaces Host', 'http://B.example:80/x?y', '/x?y', 'b.example'),
  absolute('absolute form without a path', 'http://b', '/', 'b'),
  absolute('absolute form with only a query', 'http://b?q', '/?q', 'b'),
  absolute('absolute form with another port', 'http://b:8080/', '/', 'b:8080'),
  absolute('absolute form with an IPv6 address', 'http://[FD00::1]:81/x', '/x', '[fd00::1]:81'),
  absolute('absolute form in upper case', 'HTTP://B/X', '/X', 'b'),
  absolute('absolute form with dot segments', 'http://b/a/../../c', '/c', 'b'),
  absolute('absolute form with repeated slashes', 'http://b//c', '/c', 'b'),
  absolute('absolute form with an address in its path', 'http://b/http://c/', '/http:/c/', 'b'),
  good(
    'RFC 9112 3.2.4',
    'OPTIONS in absolute form without a path',
    `OPTIONS http://b HTTP/1.1\r\n${HOST}\r\n`,
    'OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n',
  ),
  good(
    'RFC 9112 3.2.4',
    'OPTIONS in absolute form with the root',
    `OPTIONS http://b/ HTTP/1.1\r\n${HOST}\r\n`,
    'OPTIONS / HTTP/1.1\r\nHost: b\r\n\r\n',
  ),
  good(
    ABSOLUTE,
    'absolute form in HTTP/1.0 without Host',
    'GET http://b/x HTTP/1.0\r\n\r\n',
    'GET /x HTTP/1.1\r\nHost: b\r\n\r\n',
  ),
  bad(ABSOLUTE, 'absolute form without Host', 'GET http://b/ HTTP/1.1\r\n\r\n'),
  bad(ABSOLUTE, 'absolute form beside an invalid Host', 'GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n'),
  bad(ABSOLUTE, 'absolute form beside two Hosts', `GET http://b/ HTTP/1.1\r\n${HOST}Host: b\r\n\r\n`),
  badLine('RFC 9110 4.2.4', 'absolute form with user information', 'GET http://u@b/ HTTP/1.1'),
  badLine('RFC 9110 4.2.4', 'absolute form with user and password', 'GET http://u:p@b/ HTTP/1.1'),
  badAbsolute('absolute form of another scheme', 'ftp://b/'),
  badAbsolute('absolute form of https, which has not come over TLS', 'https://b/'),
  badAbsolute('absolute form of a file', 'file:///etc/passwd'),
  badAbsolute('absolute form without an authority', 'http:///a'),
  badAbsolute('absolute form with nothing behind the scheme', 'http://'),
  badAbsolute('absolute form with one slash', 'http:/b/a'),
  badAbsolute('absolute form without slashes', 'http:b'),
  badAbsolute('absolute form with an empty host', 'http://:80/'),
  badAbsolute('absolute form with a backslash', 'http://b\\@c/'),
  badAbsolute('absolute form with a fragment', 'http://b/#c'),
  badAbsolute('absolute form with a fragment for a path', 'http://b#c'),
  badAbsolute('absolute form with two ports', 'http://b:80:81/'),
  badAbsolute('absolute form with an encoded host', 'http://%62/'),
  badAbsolute('absolute form with an invalid port', 'http://b:99999/'),
  // CONNECT
  connect('CONNECT in authority form', 'b:443', 'b:443'),
  connect('CONNECT in upper case', 'B.Example:443', 'b.example:443'),
  connect('CONNECT to port 80 keeps the port', 'b:80', 'b:80'),
  connect('CONNECT to an IPv6 address', '[FD00::1]:443', '[fd00::1]:443'),
  connect('CONNECT to an IPv6 address on port 80', '[fd00::80]:80', '[fd00::80]:80'),
  connect('CONNECT with leading zeros in the port', 'b:0443', 'b:443'),
  badConnect('CONNECT without a port', 'b'),
  badConnect('CONNECT with an empty port', 'b:'),
  badConnect('CONNECT without a host', ':443'),
  badConnect('CONNECT with port zero', 'b:0'),
  badConnect('CONNECT with a port too large', 'b:65536'),
  badConnect('CONNECT with a path', '/b'),
  badConnect('CONNECT with a path behind the port', 'b:443/'),
  badConnect('CONNECT in absolute form', 'http://b:443'),
  badConnect('CONNECT with user information', 'u@b:443'),
  badConnect('CONNECT with an asterisk', '*'),
  badLine(AUTHORITY, 'authority form for another method', 'GET b:443 HTTP/1.1'),
  bad('RFC 9110 9.3.6', 'CONNECT with a body', `CONNECT b:1 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`),
  bad(
    'RFC 9110 9.3.6',
    'CONNECT with a chunked body',
    `CONNECT b:1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  bad('RFC 9112 3.2', 'CONNECT without Host', 'CONNECT b:443 HTTP/1.1\r\n\r\n'),
  good(
    'RFC 9110 7.8',
    'CONNECT asks for no upgrade',
    `CONNECT b:443 HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    'CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n',
  ),
];

import { bad, badLine, type CorpusCase, good, HOST } from './case.ts';

const FORM = 'RFC 9112 3.2';
const NORMAL = 'RFC 3986 6.2.2';
const DOTS = 'RFC 3986 5.2.4';
const target = (rule: string, name: string, from: string, to: string): CorpusCase =>
  good(rule, name, `GET ${from} HTTP/1.1\r\n${HOST}\r\n`, `GET ${to} HTTP/1.1\r\n${HOST}\r\n`);
const badTarget = (rule: string, name: string, text: string): CorpusCase =>
  badLine(rule, name, `GET ${text} HTTP/1.1`);

/** Origin form: paths in their one normal form, and what is no target at all. */
export const TARGETS: readonly CorpusCase[] = [
  target(DOTS, 'dot segments are removed', '/a/./b/../c', '/a/c'),
  target(DOTS, 'dot segments do not climb above the root', '/../../etc', '/etc'),
  target(DOTS, 'a dot alone is the root', '/.', '/'),
  target(DOTS, 'two dots alone are the root', '/..', '/'),
  target(NORMAL, 'encoded dots are dots', '/a/%2e%2E/b', '/b'),
  target(NORMAL, 'half encoded dots are dots', '/a/.%2e/b', '/b'),
  target(NORMAL, 'an encoded dot at the end leaves a folder', '/a/%2e', '/a/'),
  target(NORMAL, 'a trailing dot segment leaves a folder', '/a/b/..', '/a/'),
  target(NORMAL, 'repeated slashes are merged', '//a///b', '/a/b'),
  target(NORMAL, 'slashes alone are the root', '///', '/'),
  target(NORMAL, 'slashes that dots leave behind are merged', '/a//../b', '/b'),
  target(NORMAL, 'two slashes before a name are no authority', '//b.example/x', '/b.example/x'),
  target(NORMAL, 'unreserved characters are decoded', '/%61%2D%7e', '/a-~'),
  target(NORMAL, 'other encodings are written in upper case', '/%c3%a9%3f', '/%C3%A9%3F'),
  target(NORMAL, 'a double encoding stays one', '/%252e%252e/', '/%252e%252e/'),
  target(NORMAL, 'an encoded percent sign is not decoded into another encoding', '/%2541', '/%2541'),
  target(NORMAL, 'an encoded slash stays encoded', '/a%2fb', '/a%2Fb'),
  target(NORMAL, 'an encoded line end stays encoded', '/a%0d%0aX:%20b', '/a%0D%0AX:%20b'),
  target(NORMAL, 'an encoded question mark stays in the path', '/a%3Fb?c', '/a%3Fb?c'),
  target(NORMAL, 'an encoded hash stays in the path', '/a%23b', '/a%23b'),
  target(NORMAL, 'an overlong encoding of a slash stays encoded', '/a%c0%af..', '/a%C0%AF..'),
  target('RFC 3986 3.3', 'parameters of a segment stay', '/a;x=1/b;y', '/a;x=1/b;y'),
  target('RFC 3986 3.3', 'sub-delimiters, colon and at sign stay', "/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
  target('RFC 3986 3.4', 'the query stays as it is', '/a/../b?x=/../%2e&y', '/b?x=/../%2e&y'),
  target('RFC 3986 3.4', 'a second question mark belongs to the query', '/a?b?c', '/a?b?c'),
  target('RFC 3986 3.4', 'an empty query stays', '/a?', '/a?'),
  target('RFC 3986 3.4', 'an address in the query', '/?u=http://b//c/../', '/?u=http://b//c/../'),
  target('RFC 9112 3.2.1', 'segments of three dots are names', '/.../a', '/.../a'),
  target('RFC 9112 3.2.1', 'names that begin with dots', '/.a/..b/c.', '/.a/..b/c.'),
  badTarget('RFC 3986 2.1', 'a malformed percent-encoding', '/%zz'),
  badTarget('RFC 3986 2.1', 'a cut percent-encoding', '/%'),
  badTarget('RFC 3986 2.1', 'a percent-encoding of one digit', '/a%4'),
  badTarget('RFC 3986 2.1', 'a percent-encoding of four digits', '/%u002e'),
  badTarget('RFC 3986 2.1', 'a percent-encoding with a sign', '/%+4'),
  badTarget(FORM, 'a fragment', '/a#b'),
  badTarget(FORM, 'a fragment after a query', '/a?b#c'),
  badTarget(FORM, 'an empty fragment', '/a#'),
  badTarget(FORM, 'a byte above ASCII in the path', '/\u00e9'),
  badTarget(FORM, 'a byte above ASCII in the query', '/?\u00e9'),
  badTarget(FORM, 'a tab in the path', '/a\tb'),
  badTarget(FORM, 'NUL in the path', '/a\u0000b'),
  badTarget(FORM, 'NUL in the query', '/?a\u0000b'),
  badTarget(FORM, 'DEL in the path', '/a\u007fb'),
  badTarget(FORM, 'a non-breaking space in the path', '/a\u00a0b'),
  badTarget(FORM, 'a target that is no path', 'a'),
  badTarget(FORM, 'a target that is a query', '?a'),
  badTarget(FORM, 'a target that is a dot segment', '../a'),
  badTarget(FORM, 'a target that begins with a backslash', '\\a'),
  badTarget(FORM, 'a target in angle brackets', '</>'),
  badTarget('RFC 9112 3.2.4', 'asterisk form for another method', '*'),
  badTarget('RFC 9112 3.2.4', 'asterisk form with a path', '*/a'),
  good(
    'RFC 9112 3.2.4',
    'asterisk form',
    `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
    `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  ),
  bad('RFC 9112 3.2.4', 'asterisk form with a query', `OPTIONS *?a HTTP/1.1\r\n${HOST}\r\n`),
  bad('RFC 9112 3.2.4', 'two asterisks', `OPTIONS ** HTTP/1.1\r\n${HOST}\r\n`),
];

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { When } from '../../api/proxy-config.ts';
import { matches, type Sent, token, when } from './authorization.fixture.ts';

const CLAIMS: readonly (readonly [
  says: string,
  when: When,
  claims: Record<string, unknown> | undefined,
  matches: boolean,
])[] = [
  ['no token', when(), undefined, false],
  ['any token of the issuer', when(), {}, true],
  ['a token of another issuer', when(undefined, 'https://other.example'), {}, false],
  ['a claim', when({ role: ['admin', 'root'] }), { role: 'admin' }, true],
  ['another value', when({ role: ['admin'] }), { role: 'administrator' }, false],
  ['no such claim', when({ role: ['admin'] }), {}, false],
  ['a list with the value', when({ role: ['admin'] }), { role: ['user', 'admin'] }, true],
  ['a list without it', when({ role: ['admin'] }), { role: ['user'] }, false],
  ['a number', when({ level: ['3'] }), { level: 3 }, true],
  ['a boolean', when({ verified: ['true'] }), { verified: true }, true],
  ['a list of numbers', when({ level: ['3'] }), { level: [1, 3] }, true],
  ['null', when({ role: ['null'] }), { role: null }, false],
  ['an object', when({ role: ['[object Object]'] }), { role: {} }, false],
  ['one of the scopes', when({ scope: ['write'] }), { scope: 'read write' }, true],
  ['a part of a scope', when({ scope: ['write'] }), { scope: 'read writer' }, false],
  ['words that are no scopes', when({ role: ['admin'] }), { role: 'user admin' }, false],
  ['a name with dots as it is', when({ 'a.b': ['x'] }), { 'a.b': 'x' }, true],
  ['a nested claim', when({ 'a.b': ['x'] }), { a: { b: ['x'] } }, true],
  ['the name as it is before the nested claim', when({ 'a.b': ['x'] }), { 'a.b': 'y', a: { b: 'x' } }, false],
  ['an element of a list by its number', when({ 'a.0': ['x'] }), { a: ['x'] }, false],
  ['a name every object has', when({ constructor: ['x'] }), {}, false],
  ['a nested name every object has', when({ 'a.constructor.name': ['Object'] }), { a: {} }, false],
  ['all of several claims', when({ a: ['1'], b: ['2'] }), { a: '1', b: '2' }, true],
  ['one of several claims', when({ a: ['1'], b: ['2'] }), { a: '1', b: '3' }, false],
];

for (const [says, asked, claims, expected] of CLAIMS) {
  test(`a rule with when ${expected ? 'matches' : 'does not match'}: ${says}`, () => {
    const sent: Sent = claims === undefined ? {} : { token: token(claims) };
    assert.equal(matches('Allow', undefined, asked, sent), expected, 'Allow');
    assert.equal(matches('Deny', undefined, asked, sent), expected, 'Deny');
  });
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { closest } from './closest.ts';

const KNOWN = ['port', 'appPort', 'servicePort', 'protocol'];

describe('the closest name', () => {
  for (const [typed, meant] of [
    ['appport', 'appPort'],
    ['app_port', 'appPort'],
    ['ports', 'port'],
    ['protcol', 'protocol'],
    ['portocol', 'protocol'],
    ['SERVICEPORT', 'servicePort'],
  ] as const) {
    test(`to ${typed} is ${meant}`, () => assert.equal(closest(typed, KNOWN), meant));
  }

  for (const [what, typed, known] of [
    ['is far from all', 'replicas', KNOWN],
    ['is empty', '', KNOWN],
    ['has nothing to be near to', 'port', []],
    ['is of Object.prototype', '__proto__', KNOWN],
    ['is endless', 'port'.repeat(100_000), KNOWN],
  ] as const) {
    test(`is none for one that ${what}`, () => assert.equal(closest(typed, known), undefined));
  }

  test('to a known one is itself', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1 }), (names) =>
        assert.equal(closest(names[0]!, names), names[0]),
      ),
    );
  });
});

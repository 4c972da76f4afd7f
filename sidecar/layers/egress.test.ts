import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Egress } from '../../api/proxy-config.ts';
import { EgressRules } from './egress.ts';
import { nameOf, serverNameOf } from './egress-name.ts';

type Hosts = Egress['hosts'];
const listed = (...hosts: Hosts) => new EgressRules({ egress: { mode: 'AllowListed', hosts } });
const open = (...hosts: Hosts) => new EgressRules({ egress: { mode: 'AllowAll', hosts } });
const pass = (host: string, ports?: number[]) => ({
  host,
  tls: 'Passthrough' as const,
  ...(ports && { ports }),
});
const originate = (host: string, ports?: number[]) => ({ ...pass(host, ports), tls: 'Originate' as const });

const TABLE: readonly (readonly [string, EgressRules, string, number, string])[] = [
  ['a host that is listed', listed(pass('a.example')), 'a.example', 1, 'Passthrough'],
  ['another host', listed(pass('a.example')), 'b.example', 1, 'denied'],
  ['a host with the listed one at its end', listed(pass('a.example')), 'evila.example', 1, 'denied'],
  ['a host below the listed one', listed(pass('a.example')), 'x.a.example', 1, 'denied'],
  ['one label below a wildcard', listed(pass('*.a.example')), 'x.a.example', 1, 'Passthrough'],
  ['two labels below a wildcard', listed(pass('*.a.example')), 'x.y.a.example', 1, 'Passthrough'],
  ['the wildcard’s own domain', listed(pass('*.a.example')), 'a.example', 1, 'denied'],
  ['a name that only ends like the wildcard', listed(pass('*.a.example')), 'xa.example', 1, 'denied'],
  ['nothing before the dot', listed(pass('*.a.example')), '.a.example', 1, 'denied'],
  ['a port that is listed', listed(pass('a.example', [1, 2])), 'a.example', 2, 'Passthrough'],
  ['another port', listed(pass('a.example', [1, 2])), 'a.example', 3, 'denied'],
  ['no name', listed(pass('*.example')), '', 1, 'denied'],
  ['anything where nothing is listed', listed(), 'a.example', 1, 'denied'],
  ['anything where all is allowed', open(), '', 1, 'Passthrough'],
  ['a host to originate TLS for', open(originate('a.example')), 'a.example', 1, 'Originate'],
  ['a host beside it', open(originate('a.example')), 'b.example', 1, 'Passthrough'],
  ['the first that matches', listed(pass('x.a', [1]), originate('*.a')), 'x.a', 1, 'Passthrough'],
  ['the next when the port is another', listed(pass('x.a', [1]), originate('*.a')), 'x.a', 2, 'Originate'],
];
for (const [name, rules, host, port, verdict] of TABLE) {
  test(`${name}: ${verdict}`, () => assert.equal(rules.decide(host, port), verdict));
}

test('without egress nothing is denied and nothing has to be looked at', () => {
  const rules = new EgressRules({});
  assert.equal(rules.isListed, false);
  assert.equal(rules.mayOriginate(443), false);
  assert.equal(rules.decide('', 1), 'Passthrough');
});

test('only ports for which TLS may be originated are looked at', () => {
  assert.equal(open(originate('a', [80])).mayOriginate(80), true);
  assert.equal(open(originate('a', [80])).mayOriginate(443), false);
  assert.equal(open(originate('a')).mayOriginate(443), true);
  assert.equal(open(pass('a')).mayOriginate(443), false);
});

test('a wildcard matches exactly what ends in its domain with a label before', () => {
  const label = fc.stringMatching(/^[a-z]{1,5}$/);
  fc.assert(
    fc.property(
      fc.array(label, { minLength: 1, maxLength: 4 }),
      fc.array(label, { minLength: 1 }),
      (domain, more) => {
        const rules = listed(pass(`*.${domain.join('.')}`));
        assert.equal(rules.decide([...more, ...domain].join('.'), 1), 'Passthrough');
        assert.equal(rules.decide(domain.join('.'), 1), 'denied');
        assert.equal(rules.decide(`${more.join('.')}${domain.join('.')}`, 1), 'denied');
      },
    ),
  );
});

const NAMES: readonly (readonly [string, string])[] = [
  ['a.example', 'a.example'],
  ['a.example:8080', 'a.example'],
  ['[::1]', '::1'],
  ['[::1]:443', '::1'],
  ['', ''],
];
for (const [host, name] of NAMES) {
  test(`the name in "${host}" is "${name}"`, () => assert.equal(nameOf(host), name));
}

const SERVER_NAMES: readonly (readonly [string, string])[] = [
  ['A.Example', 'a.example'],
  ['a.example.', 'a.example'],
  ['a.example:443', ''],
  ['[::1]', ''],
  ['a example', ''],
  ['a\0.example', ''],
  ['', ''],
  ['a'.repeat(300), ''],
];
for (const [text, name] of SERVER_NAMES) {
  test(`the server name ${JSON.stringify(text.slice(0, 20))} is read as "${name}"`, () =>
    assert.equal(serverNameOf(text), name));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileHosts, type EgressHosts, within } from './egress-hosts.ts';

const hosts = (...texts: string[]) => texts.map((text) => host(text));
/** `host`, `host:443,8443`, with a `!` in front where TLS is originated. */
function host(text: string): EgressHosts[number] {
  const [name = '', ports] = text.replace('!', '').split(':');
  return {
    host: name,
    ...(ports && { ports: ports.split(',').map(Number) }),
    tls: text.startsWith('!') ? 'Originate' : 'Passthrough',
  };
}

describe('hosts outside the mesh', () => {
  it('are in normal form, with ports in order, passed through unless TLS is to be originated', () => {
    const written = [
      { host: 'API.Example.com.', ports: [443, 80] },
      { host: 'b', tls: 'Originate' as const },
    ];
    assert.deepEqual(compileHosts(written), hosts('api.example.com:80,443', '!b'));
  });

  const cases: [string, string[], string[], string[]][] = [
    ['the same', ['a.b:443', '*.c'], ['a.b:443', '*.c'], ['a.b:443', '*.c']],
    ['one of several', ['b.x'], ['a.x', 'b.x'], ['b.x']],
    ['one that the ceiling does not name', ['b.x', 'evil.y'], ['b.x'], ['b.x']],
    ['a host under a wildcard', ['a.b.x', 'x'], ['*.x'], ['a.b.x']],
    ['a wildcard over a host', ['*.x'], ['a.x', 'b.y'], ['a.x']],
    ['a narrower wildcard', ['*.b.x'], ['*.x'], ['*.b.x']],
    ['a look-alike', ['evilx', 'ax.x.y'], ['*.x'], []],
    ['any port where some are', ['a'], ['a:443'], ['a:443']],
    ['ports of which some are', ['a:80,443'], ['a:443,8443'], ['a:443']],
    ['other ports', ['a:80'], ['a:443'], []],
    ['TLS where the ceiling asks for it', ['a'], ['!a'], ['!a']],
    ['TLS where only the list does', ['!a'], ['a'], ['!a']],
    ['one host of a wildcard with TLS', ['*.x'], ['!a.x', '*.x'], ['!a.x', '*.x']],
    ['nothing', ['a'], ['b'], []],
  ];
  for (const [what, list, ceiling, expected] of cases) {
    it(`are kept within a ceiling: ${what}`, () => {
      assert.deepEqual(within(hosts(...list), hosts(...ceiling)), hosts(...expected));
    });
  }

  it('are kept within a ceiling exactly: what both let through, with TLS where either originates it', () => {
    const name = fc.constantFrom('x', 'a.x', 'b.a.x', '*.x', '*.a.x', 'y');
    const ports = fc.option(fc.subarray([80, 443], { minLength: 1 }), { nil: undefined });
    const entry = fc
      .record({ name, ports, tls: fc.constantFrom('Originate' as const, 'Passthrough' as const) })
      .map((each) => ({ host: each.name, ...(each.ports && { ports: each.ports }), tls: each.tls }));
    const list = fc.array(entry, { maxLength: 4 });
    const asked = ['x', 'a.x', 'b.a.x', 'c.x', 'y'].flatMap((each) =>
      [80, 443, 22].map((port) => ({ each, port })),
    );
    fc.assert(
      fc.property(list, list, (one, ceiling) => {
        const both = within(one, ceiling);
        for (const { each, port } of asked) {
          const [mine, theirs] = [verdict(one, each, port), verdict(ceiling, each, port)];
          const expected = mine && theirs && (theirs === 'Originate' ? theirs : mine);
          assert.equal(verdict(both, each, port), expected, `${each}:${port} ${JSON.stringify(both)}`);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function verdict(list: EgressHosts, name: string, port: number): 'Originate' | 'Passthrough' | undefined {
  const found = list.find(
    (each) =>
      (each.host === name || (each.host.startsWith('*.') && name.endsWith(each.host.slice(1)))) &&
      (each.ports?.includes(port) ?? true),
  );
  return found?.tls;
}

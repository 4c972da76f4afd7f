import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOptions } from './options.ts';
import { natRules } from './rules.ts';

const rules = (env: Record<string, string>, family: 'IPv4' | 'IPv6') =>
  natRules(readOptions(env).rules, family);

describe('rules of the nat table', () => {
  it('send everything through the proxy, for IPv4', () => {
    assert.deepEqual(rules({}, 'IPv4'), [
      '-A PREROUTING -p tcp -j WEFT_INBOUND',
      '-A OUTPUT -p tcp -j WEFT_OUTBOUND',
      '-A WEFT_INBOUND -p tcp -m multiport --dports 15001,15006,15020 -j RETURN',
      '-A WEFT_INBOUND -p tcp -j REDIRECT --to-ports 15006',
      '-A WEFT_OUTBOUND -s 127.0.0.6/32 -o lo -m owner --uid-owner 15015 -j RETURN',
      '-A WEFT_OUTBOUND ! -d 127.0.0.1/32 -o lo -m owner --uid-owner 15015 -j WEFT_INBOUND',
      '-A WEFT_OUTBOUND -m owner --uid-owner 15015 -j RETURN',
      '-A WEFT_OUTBOUND -o lo -j RETURN',
      '-A WEFT_OUTBOUND -p tcp -j REDIRECT --to-ports 15001',
    ]);
  });

  it('leave out what is to be skipped, each family its own ranges', () => {
    const env = {
      WEFT_SKIP_INBOUND_PORTS: '22',
      WEFT_SKIP_OUTBOUND_PORTS: '3306,25',
      WEFT_SKIP_OUTBOUND_CIDRS: '169.254.169.254,2001:db8::/32',
    };
    assert.deepEqual(rules(env, 'IPv6'), [
      '-A PREROUTING -p tcp -j WEFT_INBOUND',
      '-A OUTPUT -p tcp -j WEFT_OUTBOUND',
      '-A WEFT_INBOUND -p tcp -m multiport --dports 15001,15006,15020 -j RETURN',
      '-A WEFT_INBOUND -p tcp -m multiport --dports 22 -j RETURN',
      '-A WEFT_INBOUND -p tcp -j REDIRECT --to-ports 15006',
      '-A WEFT_OUTBOUND -s ::6/128 -o lo -m owner --uid-owner 15015 -j RETURN',
      '-A WEFT_OUTBOUND ! -d ::1/128 -o lo -m owner --uid-owner 15015 -j WEFT_INBOUND',
      '-A WEFT_OUTBOUND -m owner --uid-owner 15015 -j RETURN',
      '-A WEFT_OUTBOUND -o lo -j RETURN',
      '-A WEFT_OUTBOUND -p tcp -m multiport --dports 25,3306 -j RETURN',
      '-A WEFT_OUTBOUND -d 2001:db8::/32 -j RETURN',
      '-A WEFT_OUTBOUND -p tcp -j REDIRECT --to-ports 15001',
    ]);
    assert.ok(rules(env, 'IPv4').includes('-A WEFT_OUTBOUND -d 169.254.169.254/32 -j RETURN'));
    assert.ok(!rules(env, 'IPv4').some((rule) => rule.includes('2001')));
  });

  it('put at most 15 ports into one match', () => {
    const ports = Array.from({ length: 31 }, (_, index) => index + 100);
    const matches = rules({ WEFT_SKIP_INBOUND_PORTS: ports.join(',') }, 'IPv4').filter((rule) =>
      rule.includes('multiport'),
    );
    const lists = matches.map((rule) => /--dports (\S+)/.exec(rule)![1]!.split(',').map(Number));
    assert.deepEqual(
      lists.map((list) => list.length),
      [3, 15, 15, 1],
    );
    assert.deepEqual(lists.slice(1).flat(), ports);
  });
});

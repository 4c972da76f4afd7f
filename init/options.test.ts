import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OptionError, readOptions } from './options.ts';

describe('options of init', () => {
  it('are Weft’s own ports and uid when the environment says nothing', () => {
    assert.deepEqual(readOptions({}), {
      rules: {
        inboundPort: 15006,
        outboundPort: 15001,
        proxyUid: 15015,
        sourceV4: '127.0.0.6',
        sourceV6: '::6',
        reservedPorts: [15001, 15006, 15020],
        skipInboundPorts: [],
        skipOutboundPorts: [],
        skipOutboundCidrs: [],
      },
      backend: undefined,
    });
  });

  it('takes lists with spaces and duplicates', () => {
    const { rules } = readOptions({
      WEFT_SKIP_INBOUND_PORTS: ' 9092, 22,22 ',
      WEFT_SKIP_OUTBOUND_PORTS: '',
      WEFT_SKIP_OUTBOUND_CIDRS: '10.1.2.3/8,10.0.0.0/8,2001:db8::/32',
    });
    assert.deepEqual(rules.skipInboundPorts, [22, 9092]);
    assert.deepEqual(rules.skipOutboundPorts, []);
    assert.deepEqual(
      rules.skipOutboundCidrs.map((cidr) => cidr.text),
      ['10.0.0.0/8', '2001:db8::/32'],
    );
  });

  for (const port of ['0', '65536', '-1', '1-3', '080', '1e3', 'http', '1,,2', '99999999999999999999']) {
    it(`refuses the port list ${port}`, () =>
      assert.throws(() => readOptions({ WEFT_SKIP_OUTBOUND_PORTS: port }), {
        name: 'OptionError',
        message: /WEFT_SKIP_OUTBOUND_PORTS: .* write numbers from 1 to 65535/,
      }));
  }

  it('refuses a range that is none', () =>
    assert.throws(() => readOptions({ WEFT_SKIP_OUTBOUND_CIDRS: '10.0.0.0/99' }), OptionError));

  it('refuses an endless list', () =>
    assert.throws(
      () => readOptions({ WEFT_SKIP_INBOUND_PORTS: Array.from({ length: 101 }, (_, i) => i + 1).join(',') }),
      { message: 'WEFT_SKIP_INBOUND_PORTS: at most 100 entries' },
    ));

  it('refuses a backend it does not know', () =>
    assert.throws(() => readOptions({ WEFT_IPTABLES_BACKEND: 'nftables' }), /not nft, legacy or auto/));
});

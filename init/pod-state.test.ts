import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { missingCapabilities } from './capabilities.ts';
import { ipv6State } from './ipv6.ts';

const LO = '00000000000000000000000000000001 01 80 10 80       lo\n';
const SOURCE = '00000000000000000000000000000006 01 80 00 80       lo\n';
const LINK = 'fe80000000000000e464c2fffe43c245 03 40 20 80     eth0\n';
const GLOBAL = '20010db8000000000000000000000005 03 40 00 80     eth0\n';

describe('the state of IPv6', () => {
  it('is off without a file, and with loopback only', () => {
    assert.equal(ipv6State(''), 'Off');
    assert.equal(ipv6State(LO + SOURCE), 'Off');
    assert.equal(ipv6State('rubbish\n'), 'Off');
  });
  it('is link-local when neighbours only reach the pod', () =>
    assert.equal(ipv6State(LO + LINK), 'LinkLocal'));
  it('is global when others route to the pod', () => assert.equal(ipv6State(LINK + GLOBAL + LO), 'Global'));
});

describe('capabilities', () => {
  it('are complete with NET_ADMIN and NET_RAW', () =>
    assert.deepEqual(missingCapabilities('Name:\tnode\nCapEff:\t0000000000003000\n'), []));
  it('are named when missing', () => {
    assert.deepEqual(missingCapabilities('CapEff:\t0000000000001000\n'), ['NET_RAW']);
    assert.deepEqual(missingCapabilities('CapEff:\t0000000000000000\n'), ['NET_ADMIN', 'NET_RAW']);
  });
  it('are left to the programs to judge where the kernel does not say', () =>
    assert.deepEqual(missingCapabilities('Name:\tnode\n'), []));
});

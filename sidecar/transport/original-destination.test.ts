import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compressIPv6, readSockaddrIn, readSockaddrIn6 } from './original-destination.ts';

test('an IPv4 socket address is read in network order', () => {
  const value = Buffer.from([2, 0, 0x27, 0x0f, 10, 9, 8, 7]);
  assert.deepEqual(readSockaddrIn(value), { address: '10.9.8.7', port: 9999 });
});

test('an IPv6 socket address is read in its short form', () => {
  const value = Buffer.alloc(28);
  value.writeUInt16BE(443, 2);
  value.set([0xfd, 0x99], 8);
  value[23] = 7;
  assert.deepEqual(readSockaddrIn6(value), { address: 'fd99::7', port: 443 });
});

test('only the longest run of zero groups is left out, and never a single one', () => {
  const short = (text: string) => compressIPv6(text.split(' '));
  assert.equal(short('0 0 0 0 0 0 0 1'), '::1');
  assert.equal(short('0 0 0 0 0 0 0 0'), '::');
  assert.equal(short('fe80 0 0 1 0 0 0 2'), 'fe80:0:0:1::2');
  assert.equal(short('1 0 2 3 4 5 6 7'), '1:0:2:3:4:5:6:7');
  assert.equal(short('1 2 3 4 5 6 0 0'), '1:2:3:4:5:6::');
});

const SETUP = `set -e
ip link set lo up
ip route add 10.9.8.0/24 dev lo
iptables -t nat -A OUTPUT -p tcp -d 10.9.8.7 -j REDIRECT --to-ports 15001
ip -6 route add fd99::/64 dev lo
ip6tables -t nat -A OUTPUT -p tcp -d fd99::7 -j REDIRECT --to-ports 15001`;

/** Needs root, network namespaces and iptables with nat. */
const possible = spawnSync('unshare', ['-n', 'sh', '-c', SETUP], { stdio: 'ignore' }).status === 0;

test('the kernel tells where redirected connections were going, and that others were not redirected', {
  skip: !possible,
}, () => {
  const fixture = fileURLToPath(new URL('original-destination.fixture.ts', import.meta.url));
  const run = `${SETUP}\nexec "$0" "$1"`;
  const output = execFileSync('unshare', ['-n', 'sh', '-c', run, process.execPath, fixture], {
    timeout: 20_000,
  });
  const seen = output
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(seen, [{ address: '10.9.8.7', port: 9999 }, { address: 'fd99::7', port: 8888 }, null]);
});

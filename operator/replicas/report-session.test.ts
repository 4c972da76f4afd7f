import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { STREAM_LINE_MAX_BYTES } from '../../api/stream.ts';
import { StreamFixture } from '../testing/stream-fixture.ts';
import type { TestSidecar } from '../testing/test-sidecar.ts';
import { until } from '../testing/until.ts';
import { parseReportMessage } from './report-message.ts';

const OPERATOR = 'spiffe://cluster.local/ns/weft-system/sa/weft-operator';
const PROXY = {
  ...{ type: 'proxy', workload: 'shop/web', connection: 1, connected: true, sinceMs: 1 },
  config: { acked: { hash: 'c', policies: { u: 1 } } },
};

let fixture: StreamFixture;
before(async () => {
  fixture = await StreamFixture.start();
});
after(() => fixture.stop());

async function dial(spiffeId: string, ...dnsNames: string[]): Promise<TestSidecar> {
  return fixture.dial(await fixture.leafOf(spiffeId, ...dnsNames), { path: '/v1/acks' });
}

describe('a report is refused', () => {
  const refused: [string, string][] = [
    ['from a sidecar', 'spiffe://cluster.local/ns/shop/sa/web'],
    ['from another workload of the control plane', 'spiffe://cluster.local/ns/weft-system/sa/weft-injector'],
    ['from an operator’s account elsewhere', 'spiffe://cluster.local/ns/shop/sa/weft-operator'],
    ['from an operator of another trust domain', 'spiffe://other.example/ns/weft-system/sa/weft-operator'],
  ];
  for (const [name, spiffeId] of refused) {
    it(name, async () => {
      const peer = await dial(spiffeId);
      peer.send({ type: 'replica', name: 'b' });
      assert.equal((await peer.get('error')).code, 'forbidden');
      assert.equal(peer.status, 403);
      await peer.ended();
      assert.equal(fixture.reports.hasReplayed('b'), false);
    });
  }
  it('without a certificate', async () => {
    const peer = fixture.dial(undefined, { path: '/v1/acks' });
    await peer.get('error');
    assert.equal(peer.status, 403);
  });
});

describe('a report of another replica', () => {
  let peer: TestSidecar;
  beforeEach(async () => {
    peer = await dial(OPERATOR, 'weft-operator.weft-system.svc');
  });

  it('is taken', async () => {
    peer.send({ type: 'replica', name: 'b' });
    peer.send(PROXY);
    peer.send({ type: 'replayed' });
    peer.send({ type: 'of a later version' });
    await until(() => fixture.reports.hasReplayed('b'));
    await until(() => peer.status === 200);
    assert.deepEqual(fixture.reports.get('shop/web')?.config.acked?.policies, { u: 1 });
  });

  const lines: [string, string[]][] = [
    ['does not begin with its name', [JSON.stringify(PROXY)]],
    ['has two names', ['{"type":"replica","name":"x"}', '{"type":"replica","name":"y"}']],
    ['is no JSON', ['{"type":"replica","name":"x"}', '{']],
    ['has a line without end', ['x'.repeat(STREAM_LINE_MAX_BYTES + 1)]],
  ];
  for (const [name, sent] of lines) {
    it(`ends when it ${name}`, async () => {
      for (const line of sent) peer.stream.write(`${line}\n`);
      await peer.ended();
      assert.equal(fixture.reports.hasReplayed('x'), false);
    });
  }

  it('ends when the replica has connected anew', async () => {
    peer.send({ type: 'replica', name: 'twice' });
    await until(() => peer.status === 200);
    const second = await dial(OPERATOR);
    second.send({ type: 'replica', name: 'twice' });
    second.send({ type: 'replayed' });
    await until(() => fixture.reports.hasReplayed('twice'));
    peer.send(PROXY);
    await peer.ended();
    assert.equal(second.closed, false);
  });

  it('ends when nothing comes for a while', async () => {
    peer.send({ type: 'replica', name: 'silent' });
    await until(() => peer.status === 200);
    await fixture.clock.advance(20_000);
    await peer.ended();
  });
});

describe('a message of a report', () => {
  const bad: [string, object][] = [
    ['a replica without a name', { type: 'replica' }],
    ['a replica with an empty name', { type: 'replica', name: '' }],
    ['a proxy without a workload', { ...PROXY, workload: 7 }],
    ['a proxy without a connection', { ...PROXY, connection: '1' }],
    ['a proxy that may be connected', { ...PROXY, connected: 'yes' }],
    ['a proxy without a time', { ...PROXY, sinceMs: 1.5 }],
    ['a proxy without what it holds', { ...PROXY, config: null }],
    ['a version without generations', { ...PROXY, config: { acked: { hash: 'h' } } }],
    [
      'a refusal without a reason',
      { ...PROXY, config: { refused: { version: { hash: 'h', policies: {} } } } },
    ],
    ['a destination without key', { type: 'destination', workload: 'a/b', connection: 1, key: '' }],
    [
      'a destination that holds text',
      { type: 'destination', workload: 'a/b', connection: 1, key: 'a', held: '' },
    ],
    ['a workload that went without name', { type: 'gone' }],
    ['something without a type', {}],
  ];
  for (const [name, message] of bad) {
    it(`is not ${name}`, () => {
      assert.throws(() => parseReportMessage(JSON.stringify(message)), { name: 'BadMessageError' });
    });
  }
});

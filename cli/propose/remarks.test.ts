import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrailRecord } from '../../api/trail-record.ts';
import { inbound } from '../trail/record.fixture.ts';
import { propose } from './propose.ts';
import type { RecordedTraffic } from './recorded-traffic.ts';
import { type About, remarksOn } from './remarks.ts';

const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
const record = (more: Partial<TrailRecord> = {}) => inbound({ caller: WEB, ...more }).record;
const edge = (source: string, allowed: number) => ({
  ...({ direction: 'inbound', source, destination: 'shop/pay', service: '', encrypted: true } as const),
  ...{ allowed, denied: 0, errors: 0 },
});
const NOTHING: RecordedTraffic = {
  ...{ records: [], rules: [], unanswered: [], unmeshed: [], notAsked: 0 },
  sidecars: [{ proxy: 'shop/pay-1', isFull: false, sinceMs: 0, callers: [edge('shop/web', 5)] }],
};
const linesOf = (
  records: readonly TrailRecord[],
  traffic: Partial<RecordedTraffic> = {},
  more: Partial<About> = {},
) =>
  remarksOn({
    what: 'Service shop/pay',
    traffic: { ...NOTHING, records, ...traffic },
    proposal: propose(records, {
      ...{ namespace: 'shop', controlPlaneNamespace: 'weft-system', trustDomain: 'cluster.local' },
      ...{ withAddresses: false, isConditional: () => false },
    }),
    ...{ rivals: [], replaces: undefined, ...more },
  });
const DENIED = { verdict: 'denied', policy: 'shop/p', rule: 'default' } as const;

describe('remarks on a proposal', () => {
  it('say from how much it is, and that this is little', () => {
    const lines = linesOf([record({ endedMs: 0 }), record({ endedMs: 60_000 })]);
    assert.equal(lines[0], 'Proposed by weft plan --propose for Service shop/pay, from 2 requests that');
    assert.equal(lines[1], '1 sidecar recorded from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z (60 s).');
    assert.match(lines.join('\n'), /LITTLE TRAFFIC/);
  });

  it('do not say so of hours with many requests', () => {
    const records = Array.from({ length: 300 }, (_, n) => record({ endedMs: n * 60_000 }));
    assert.doesNotMatch(linesOf(records).join('\n'), /LITTLE/);
  });

  it('list what it does not cover, and why', () => {
    const plain = { caller: '10.0.0.7', callerAddress: '10.0.0.7', encrypted: false, path: '/v1/1' };
    const lines = linesOf([record(), record(plain), record({ ...plain, path: '/v1/2' })]);
    const at = lines.indexOf('NOT covered, though it was allowed:');
    assert.equal(
      lines[at + 1],
      '- 2 requests from 10.0.0.7 (GET /v1/{id}): in plaintext, so without identity: --with-addresses allows them by their address',
    );
  });

  it('list what stays denied, and by which rule', () => {
    const lines = linesOf([
      record(),
      record({ ...DENIED, path: '/a/1' }),
      record({ ...DENIED, path: '/a/2' }),
      record({ ...DENIED, path: '/b', rule: 'no-b' }),
      record({ ...DENIED, path: '/c', policy: '' }),
    ]);
    const at = lines.indexOf('Stays denied:');
    assert.deepEqual(lines.slice(at + 1, at + 4), [
      '- 2 requests from web: GET /a/{id}, denied since no rule of shop/p allows it',
      '- 1 request from web: GET /b, denied by rule no-b of shop/p',
      '- 1 request from web: GET /c, denied since no rule allows it',
    ]);
  });

  it('list what rules in Audit mode would deny', () => {
    const text = linesOf([record(), record({ auditPolicy: 'shop/a', auditRule: 'no-web' })]).join('\n');
    assert.match(text, /in Audit mode.*\n- 1 request, denied by rule no-web of shop\/a/);
  });

  it('list so many, and count the others', () => {
    const words = Array.from({ length: 15 }, (_, n) =>
      record({ ...DENIED, path: `/${'abcdefghijklmno'[n]}` }),
    );
    const lines = linesOf([record(), ...words]);
    assert.equal(lines.filter((line) => line.includes('denied since')).length, 10);
    assert.ok(lines.includes('- and 5 more: -o json lists them'));
  });

  it('say what is not known', () => {
    const full = {
      proxy: 'shop/pay-1',
      isFull: true,
      sinceMs: 0,
      callers: [edge('ops/job', 7), edge('unknown', 2)],
    };
    const text = linesOf([record()], {
      sidecars: [full, { ...full, proxy: 'shop/pay-2', isFull: false }],
      unanswered: [{ proxy: 'shop/pay-3', reason: 'not permitted' }],
      unmeshed: ['shop/old'],
      notAsked: 3,
    }).join('\n');
    for (const line of [
      'TLS of the app',
      'ops/job called 14 times since the sidecars started, and none of it is among what was recorded',
      'callers without identity called 4 times',
      'shop/pay-1 keeps 2,048 requests and has had more: nothing before 1970-01-01T00:00:00Z',
      'shop/pay-3 could not be asked: not permitted',
      'without a sidecar, so nothing is recorded: shop/old',
      '3 more sidecars were not asked',
    ]) {
      assert.ok(text.includes(line), `${line}\nin\n${text}`);
    }
    assert.doesNotMatch(text, /shop\/pay-2 keeps/);
  });

  it('say which policies are in its way, and which it replaces', () => {
    const text = linesOf([record()], {}, { rivals: ['shop/old'], replaces: 'shop/pay-callers' }).join('\n');
    assert.match(text, /MeshPolicy shop\/old is about the same target and older/);
    assert.match(text, /It replaces the MeshPolicy shop\/pay-callers/);
  });

  it('say what was denied at first', () => {
    const text = linesOf([record({ ...DENIED, endedMs: 0 }), record({ endedMs: 5_000 })]).join('\n');
    assert.match(text, /1 request was denied at first/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Call } from '../shop/records.ts';
import { Ledger } from './ledger.ts';
import { type Summary, summaryOf } from './summary.ts';
import { replayOf, textOf } from './text.ts';
import { RECOVERY_MAX_MS } from './windows.ts';

const call = (more: Partial<Call>): Call => ({
  ...{ kind: 'call', beganMs: 900_000, atMs: 900_010, from: 'shopper', pod: 'shopper-1', to: 'web' },
  ...{ method: 'GET', id: 'a', status: 502, error: 'connect-failure' },
  ...more,
});
const USUAL = [
  call({ beganMs: 2_000, atMs: 2_010 }),
  call({ from: 'intruder', status: 403 }),
  call({ from: 'plain', to: 'web.chaos', status: 0 }),
];
interface Given {
  readonly calls?: readonly Call[];
  readonly isCrowded?: boolean;
  readonly problems?: readonly string[];
}
const summary = ({ calls = [], isCrowded = false, problems = [] }: Given = {}): Summary => {
  const ledger = new Ledger();
  ledger.add([...USUAL, ...calls]);
  return summaryOf({
    ...{ seed: 7, minutes: 4, without: [], seconds: 300, ledger, problems, memory: [] },
    done: [{ action: { kind: 'kill-app', of: 'web' }, beganMs: 1_000, endMs: 3_000 }],
    crowding: { mean: () => 1, wasCrowded: () => isCrowded },
    agreement: { exactPods: 3, disagreements: [], inboundGood: 1, executed: 1 },
    recordsBytes: 1_000,
  });
};
const late = (count: number) =>
  Array.from({ length: count }, () => call({ beganMs: 3_001 + RECOVERY_MAX_MS, atMs: 40_000 }));

describe('the summary', () => {
  it('finds nothing broken when requests failed around a fault only', () => {
    const { broken, failures, customerCalls } = summary();
    assert.deepEqual([broken, failures], [[], { 'GET web: 502 connect-failure': 1 }]);
    assert.equal(customerCalls, 1);
  });

  it('finds that failures did not end, unless the machine was crowded or they are a few', () => {
    assert.match(summary({ calls: late(6) }).broken[0] ?? '', /^6 requests failed that were begun more than/);
    assert.deepEqual(summary({ calls: late(5) }).broken, []);
    const crowded = summary({ calls: late(6), isCrowded: true });
    assert.deepEqual([crowded.broken, crowded.late, crowded.lateCrowded], [[], 6, 6]);
  });

  it('finds a call that felt a lost control plane, unless it was a first one', () => {
    const lost = { beganMs: 30_000, atMs: 30_001, status: 503, error: 'control-plane-unreachable' };
    const answered = (atMs: number) =>
      call({ atMs, status: 200, answer: { service: 'web', pod: 'web-1', id: 'a' } });
    const found = (...calls: Call[]) =>
      summary({ calls }).broken.filter((each) =>
        /^felt a lost control plane: .*shopper-1 GET web: 503/.test(each),
      );
    assert.equal(found(answered(20_000), call(lost)).length, 1);
    assert.equal(found(answered(20_001), call(lost)).length, 0, 'pods of that time may not have been told');
    assert.equal(found(call(lost)).length, 0);
    const { unguided } = summary({ calls: [answered(1), call(lost)], isCrowded: true });
    assert.equal(unguided, 1, 'counted also on a crowded machine');
    assert.deepEqual(
      summary({ calls: [answered(1), call(lost)], isCrowded: true }).broken.filter((each) =>
        /lost/.test(each),
      ),
      [],
    );
  });

  it('finds what the cluster could not do', () => {
    assert.deepEqual(summary({ problems: ['not whole again'] }).broken, ['not whole again']);
  });

  it('finds violations, and says which record shows them', () => {
    const { broken } = summary({ calls: [call({ status: 403 })] });
    assert.match(broken[0] ?? '', /^allowed caller denied: \{"kind":"call".*"status":403/);
  });

  it('finds that nobody called, which would prove nothing', () => {
    const nothing = summaryOf({
      ...{
        seed: 7,
        minutes: 4,
        without: [],
        seconds: 300,
        ledger: new Ledger(),
        problems: [],
        memory: [],
        done: [],
      },
      crowding: { mean: () => 1, wasCrowded: () => false },
      agreement: { exactPods: 0, disagreements: [], inboundGood: 0, executed: 0 },
      recordsBytes: 0,
    });
    assert.deepEqual(nothing.broken, ['nobody called', 'nobody was denied', 'nobody tried plaintext']);
  });

  it('is played again without what it was played without', () => {
    const replay = replayOf({ seed: 7, minutes: 4, without: ['rollout', 'kill-app'] });
    assert.equal(replay, 'npm run chaos -- --seed 7 --minutes 4 --without rollout,kill-app');
  });

  it('is told to people with the command that plays it again', () => {
    assert.equal(replayOf(summary()), 'npm run chaos -- --seed 7 --minutes 4');
    assert.equal(textOf(summary()).at(-1), 'ok');
    const lines = textOf(summary({ problems: ['not whole again'] }));
    assert.deepEqual(lines.slice(-3), [
      'BROKEN:',
      '  not whole again',
      'again: npm run chaos -- --seed 7 --minutes 4',
    ]);
  });
});

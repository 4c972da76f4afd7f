import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import type { Workload } from '../mesh/model.ts';
import { meshOf, set, workload } from '../testing/builders.ts';
import { AckReports } from './ack-reports.ts';
import { parseReportMessage } from './report-message.ts';
import { whoVerifies } from './who-verifies.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const held = { sent: undefined, acked: undefined, refused: undefined };
const meshed = (name: string, rest: Partial<Workload> = {}) =>
  workload(name, { proxyId: name.replace('/', '-'), ...rest });

describe('everybody who verifies certificates', () => {
  let reports: AckReports;
  beforeEach(() => {
    reports = new AckReports(
      new FakeClock(),
      () => {},
      () => {},
    );
  });
  const look = (...workloads: Workload[]) =>
    whoVerifies(meshOf(set('Workload', ...workloads)), {
      get: (key) => reports.get(key),
      peerRoots: () => new Map([['operator-b', reports.rootsOf('operator-b')]]),
      isReplaying: () => !reports.hasReplayed('operator-b'),
    });

  it('are the sidecars that are to go on, and the other replicas', () => {
    const { holders, isComplete } = look(
      meshed('shop/web'),
      meshed('shop/job', { finished: true }),
      meshed('shop/old', { terminating: true }),
      workload('shop/plain', { proxyId: undefined }),
    );
    assert.deepEqual(
      [...holders],
      [
        ['replica operator-b', undefined],
        ['shop/web', undefined],
      ],
    );
    assert.equal(isComplete, false);
  });

  it('trust what they say, through the replica that serves them', () => {
    const table = reports.open('operator-b', {})!;
    table.take({ type: 'roots', roots: [A, B] });
    const proxy = { workload: 'shop/web', connection: 1, connected: true, sinceMs: 1, config: held } as const;
    table.take({ type: 'proxy', ...proxy, roots: [A] });
    table.take({ type: 'replayed' });
    const { holders, isComplete } = look(meshed('shop/web'));
    assert.deepEqual(
      [...holders],
      [
        ['replica operator-b', [A, B]],
        ['shop/web', [A]],
      ],
    );
    assert.equal(isComplete, true);
  });

  it('have to say it again on a new connection', () => {
    reports.open('operator-b', {})!.take({ type: 'roots', roots: [A] });
    reports.open('operator-b', {});
    assert.equal(look().holders.get('replica operator-b'), undefined);
  });
});

describe('a report of roots', () => {
  it('is taken with fingerprints, and refused with anything else', () => {
    assert.deepEqual(parseReportMessage(JSON.stringify({ type: 'roots', roots: [A] })), {
      type: 'roots',
      roots: [A],
    });
    for (const roots of [undefined, 'a', ['short'], [1]]) {
      assert.throws(() => parseReportMessage(JSON.stringify({ type: 'roots', roots })), /roots/);
    }
    const proxy = { type: 'proxy', workload: 'a/b', connection: 1, connected: true, sinceMs: 1, config: {} };
    assert.throws(() => parseReportMessage(JSON.stringify({ ...proxy, roots: ['x'] })), /roots/);
  });
});

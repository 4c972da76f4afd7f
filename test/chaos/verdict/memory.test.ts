import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProcessSample } from '../sample.ts';
import { isSteep, Memory } from './memory.ts';

const MIB = 1024;
const sample = (pid: number, mib: number, role = 'sidecar'): ProcessSample => ({
  ...{ role, namespace: 'chaos', pod: `pod-${pid}`, pid, startedTicks: 1, rssKib: mib * MIB },
});
/** One look a minute. */
const seen = (minutes: number, at: (minute: number) => ProcessSample[]) => {
  const memory = new Memory(0);
  for (let minute = 0; minute < minutes; minute++) memory.add(at(minute), minute * 60_000);
  return memory.ofRoles();
};

describe('memory of a role', () => {
  it('has the slope that its processes share, whatever their levels', () => {
    const [role] = seen(60, (minute) => [sample(1, 50 + minute), sample(2, 200 + minute)]);
    assert.ok(role);
    assert.equal(role.processes, 2);
    assert.ok(Math.abs(role.mibPerHour - 60) < 0.01, String(role.mibPerHour));
  });

  it('does not grow because a bigger process follows a smaller one', () => {
    const [role] = seen(60, (minute) => [minute < 30 ? sample(1, 50) : sample(2, 90)]);
    assert.equal(role?.mibPerHour, 0);
  });

  it('says nothing of processes that were not there for long', () => {
    assert.deepEqual(
      seen(5, () => [sample(1, 50)]),
      [],
    );
  });

  it('tells roles apart', () => {
    const roles = seen(30, (minute) => [sample(1, 50), sample(2, 80 + minute, 'operator')]);
    assert.deepEqual(
      roles.map(({ role, mibPerHour }) => [role, Math.round(mibPerHour)]),
      [
        ['sidecar', 0],
        ['operator', 60],
      ],
    );
  });

  it('is steep when a long run leaves no doubt, and never in a short one', () => {
    const steep = (minutes: number, slope: number) =>
      seen(minutes, (minute) => [sample(1, 50 + slope * minute)]).map(isSteep);
    assert.deepEqual(steep(60, 2), [true]);
    assert.deepEqual(steep(60, 0.5), [false]);
    assert.deepEqual(steep(20, 2), [false]);
  });
});

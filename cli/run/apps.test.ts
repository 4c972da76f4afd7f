import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { WorkloadDocument } from '../../api/workload.ts';
import { Apps, restartDelayMs } from './apps.ts';
import type { Exit, ProcessSpec, StartOptions } from './processes.ts';

const WEB: WorkloadDocument = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'Workload',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { serviceAccount: 'web', app: { command: ['node', 'web.js'] }, admin: { port: 1 } },
};
const EXIT: Exit = { name: 'shop-web', how: 'exit code 1', logFile: '/logs/shop-web.log' };

/** Apps whose processes end when the test says so; `ends` gives what was answered. */
function startWeb(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const started: { spec: ProcessSpec; options: StartOptions }[] = [];
  const processes = {
    isStopping: false,
    start: (spec: ProcessSpec, options: StartOptions = {}) => void started.push({ spec, options }),
  };
  const notices: string[] = [];
  const apps = new Apps('/apps', processes, (text) => notices.push(text));
  apps.start(WEB);
  return { apps, processes, notices, started, ends: () => started.at(-1)!.options.takesCare!(EXIT) };
}

describe('an app that ends', () => {
  it('ends the run while the others are still starting, and always with --once', (t) => {
    const { apps, ends, started, notices } = startWeb(t);
    assert.equal(ends(), false);
    t.mock.timers.tick(60_000);
    assert.equal(started.length, 1);
    assert.deepEqual([apps.down, notices], [[], []]);
  });

  it('is down afterwards, and started again with its log kept', (t) => {
    const { apps, ends, started, notices } = startWeb(t);
    apps.restartFromNowOn();
    assert.equal(ends(), true);
    assert.deepEqual(apps.down, ['the app of shop/web ended (exit code 1); its log is /logs/shop-web.log']);
    t.mock.timers.tick(999);
    assert.equal(started.length, 1);
    t.mock.timers.tick(1);
    assert.equal(started.length, 2);
    assert.equal(started[1]!.options.appends, true);
    assert.deepEqual(apps.down, []);
    assert.match(notices[0]!, /started again in 1 s$/);
  });

  it('is waited for longer each time it ends at once', (t) => {
    const { apps, ends, started } = startWeb(t);
    apps.restartFromNowOn();
    ends();
    t.mock.timers.tick(1_000);
    ends();
    t.mock.timers.tick(1_999);
    assert.equal(started.length, 2);
    t.mock.timers.tick(1);
    assert.equal(started.length, 3);
  });

  it('is not started any more when the run ends meanwhile', (t) => {
    const { apps, processes, ends, started } = startWeb(t);
    apps.restartFromNowOn();
    ends();
    processes.isStopping = true;
    t.mock.timers.tick(60_000);
    assert.equal(started.length, 1);
  });

  it('waits a second, then twice as long each time, at most half a minute', () => {
    assert.deepEqual(
      [0, 1, 2, 4, 5, 5_000].map(restartDelayMs),
      [1_000, 2_000, 4_000, 16_000, 30_000, 30_000],
    );
  });
});

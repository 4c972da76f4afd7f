import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DestinationRoute } from '../../api/destination-traffic.ts';
import { compileRouteActions } from './route-actions.ts';

const actionsOf = (route: Partial<DestinationRoute>) => compileRouteActions({ name: 'all', ...route });
const abort = (percent: number) => ({ percent, status: 503 });
const delay = (percent: number) => ({ percent, durationMs: 10 });

describe('what a route does to a request', () => {
  it('is nothing at all when it says nothing', () => {
    assert.equal(actionsOf({ timeout: { requestMs: 1 } }), undefined);
  });

  it('holds no fault that can never happen', () => {
    for (const fault of [
      {},
      { abort: abort(0) },
      { delay: delay(0) },
      { abort: abort(0), delay: delay(0), bandwidthBytesPerSecond: 0 },
    ]) {
      assert.equal(actionsOf({ fault })?.fault, undefined, JSON.stringify(fault));
    }
  });

  it('holds a fault of which one part can happen', () => {
    assert.equal(actionsOf({ fault: { abort: abort(1), delay: delay(0) } })?.fault?.abortStatus(0), 503);
    assert.equal(actionsOf({ fault: { abort: abort(0), delay: delay(1) } })?.fault?.delayMs(0), 10);
    assert.equal(actionsOf({ fault: { abort: abort(0), delay: delay(1) } })?.fault?.abortStatus(0), 0);
    assert.equal(actionsOf({ fault: { bandwidthBytesPerSecond: 5 } })?.fault?.bytesPerSecond, 5);
  });

  it('holds a mirror only when it is sent something', () => {
    assert.equal(actionsOf({ mirror: { backend: 0, percent: 0 } })?.mirror, undefined);
    assert.deepEqual(actionsOf({ mirror: { backend: 0, percent: 1 } })?.mirror, { backend: 0, percent: 1 });
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ReflectorHarness } from './testing/reflector-harness.ts';
import { events, list, pod, silentLog, status } from './testing/scripted-api.ts';
import { until } from './testing/until.ts';

const absent = status(404, 'NotFound');

describe('a reflector of a resource that need not be installed', () => {
  let harness: ReflectorHarness;
  let said: string[];
  beforeEach(async () => {
    harness = await ReflectorHarness.create();
    said = [];
  });
  afterEach(() => harness.stop());

  const start = () => {
    const say = (_data: object, message: string) => void said.push(message);
    return harness.start({}, { ...silentLog, info: say, warn: say }, harness.apply, true);
  };

  it('is synced without it, says once that it is not there, and finds it when it comes', async () => {
    harness.api.requests(absent, absent, absent, list('1', [pod('a', '1')]));
    harness.api.watches(events());
    await start().synced;
    await harness.worldIs({ 'shop/a': '1' });
    assert.deepEqual(said, ['this resource is not installed: there are none']);
  });

  it('takes its objects for gone when it is uninstalled, and says so', async () => {
    harness.api.requests(list('1', [pod('a', '1')]), absent, list('5', [pod('b', '5')]));
    harness.api.watches(absent, events());
    start();
    await harness.worldIs({ 'shop/b': '5' });
    await until('the deletion', () => harness.delivered.some((each) => each.object === undefined));
    assert.deepEqual(said, ['this resource is not installed: there are none']);
  });

  it('does not take another error for its absence', async () => {
    harness.api.requests(status(403, 'Forbidden'), list('1', [pod('a', '1')]));
    harness.api.watches(events());
    start();
    await harness.worldIs({ 'shop/a': '1' });
    assert.deepEqual(said, ['list failed']);
  });
});

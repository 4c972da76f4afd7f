import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EventRecorder } from './events.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { json, ScriptedApi, status } from './testing/scripted-api.ts';

const about = { kind: 'MeshPolicy', namespace: 'shop', name: 'p', uid: 'u' } as const;
const event = { about, type: 'Warning', reason: 'NotAccepted', message: 'no such Service' } as const;

describe('EventRecorder', () => {
  let api: ScriptedApi;
  let clock: FakeClock;
  let recorder: EventRecorder;
  beforeEach(async () => {
    api = await ScriptedApi.start();
    clock = new FakeClock();
    recorder = new EventRecorder(api.client, clock);
  });
  afterEach(() => api.stop());

  it('says what it is about, in the namespace of that', async () => {
    api.requests(json({}, 201));
    await recorder.record(event);
    const { path, body } = api.seen[0] as { path: string; body: Record<string, unknown> };
    assert.equal(path, '/api/v1/namespaces/shop/events');
    assert.deepEqual(body.involvedObject, { ...about, apiVersion: 'weft.dev/v1alpha1' });
    assert.deepEqual(
      [body.reason, body.message, body.type, body.count],
      [event.reason, event.message, event.type, 1],
    );
  });

  it('counts what repeats, and writes it once a minute', async () => {
    api.requests(json({}, 201), status(409, 'AlreadyExists'), json({}));
    await recorder.record(event);
    await clock.advance(30_000);
    await recorder.record(event);
    assert.equal(api.seen.length, 1);
    await clock.advance(31_000);
    await recorder.record(event);
    assert.deepEqual(
      api.seen.map(({ method }) => method),
      ['POST', 'POST', 'PATCH'],
    );
    assert.equal((api.seen[2]?.body as { count?: number } | undefined)?.count, 3);
  });

  it('does not mix up what differs', async () => {
    api.requests(json({}, 201));
    await recorder.record(event);
    await recorder.record({ ...event, message: 'another' });
    await recorder.record({ ...event, about: { ...about, uid: 'v' } });
    const names = api.seen.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
    assert.equal(new Set(names).size, 3);
  });

  it('cuts a message the API server would refuse', async () => {
    api.requests(json({}, 201));
    await recorder.record({ ...event, message: 'x'.repeat(5_000) });
    assert.equal((api.seen[0]?.body as { message?: string } | undefined)?.message?.length, 1024);
  });

  it('is quiet when the namespace is gone, and reports other failures', async () => {
    api.requests(status(404), status(500));
    await recorder.record(event);
    await assert.rejects(recorder.record({ ...event, reason: 'Other' }), { status: 500 });
  });
});

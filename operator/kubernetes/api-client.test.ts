import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { backoffMs } from '../backoff.ts';
import { isNamespaceTerminating, isTransient, toApiError } from './api-error.ts';
import { json, ScriptedApi, status } from './testing/scripted-api.ts';

describe('ApiClient', () => {
  let api: ScriptedApi;
  beforeEach(async () => {
    api = await ScriptedApi.start();
  });
  afterEach(() => api.stop());
  const ask = (details = {}) => api.client.request('GET', '/x', details);

  it('answers with the parsed JSON and sends query and body', async () => {
    api.requests(json({ ok: true }));
    const body = { a: 'ü' };
    assert.deepEqual(await api.client.request('POST', '/x', { body, query: { q: 'a b&c' } }), { ok: true });
    assert.deepEqual(api.seen[0]?.body, body);
    assert.equal(api.seen[0]?.query.get('q'), 'a b&c');
  });

  it('throws what the Status says, and how long to wait', async () => {
    api.requests(status(429, 'TooManyRequests', { 'retry-after': '3' }));
    await assert.rejects(ask(), { status: 429, reason: 'TooManyRequests', retryAfterMs: 3000 });
  });

  for (const [what, answer] of Object.entries({
    'an HTML page': '<html>login</html>',
    nothing: '',
    'half an object': '{"a":',
  })) {
    it(`takes ${what} with status 200 for a passing failure`, async () => {
      api.requests((response) => response.end(answer));
      await assert.rejects(ask(), isTransient);
    });
  }

  it('takes a server that never answers, and one that never ends its answer, for a passing failure', async () => {
    api.requests(() => {});
    await assert.rejects(ask({ timeoutMs: 30 }), isTransient);
    api.requests((response) => response.writeHead(200).write('{'));
    await assert.rejects(ask({ timeoutMs: 30 }), isTransient);
  });

  it('takes a connection that breaks inside an answer for a passing failure', async () => {
    api.requests((response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"a"');
      setImmediate(() => response.destroy());
    });
    await assert.rejects(ask(), isTransient);
  });

  it('stops reading an answer that is too large', async () => {
    api.requests(json({ text: 'x'.repeat(1000) }));
    await assert.rejects(ask({ maxBytes: 500 }), { name: 'TooLargeError' });
  });

  it('asks once more when a kept connection was closed as it was used', async () => {
    api.requests(json({}), (response) => response.socket?.destroy(), json({ second: true }));
    await ask();
    assert.deepEqual(await ask(), { second: true });
    assert.equal(api.seen.length, 3);
  });

  it('does not ask again on a new connection that breaks', async () => {
    api.requests((response) => response.socket?.destroy());
    await assert.rejects(ask(), isTransient);
    assert.equal(api.seen.length, 1);
  });

  it('stops when told to', async () => {
    api.requests(() => {});
    const controller = new AbortController();
    const outcome = assert.rejects(ask({ signal: controller.signal }), /enough/);
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await outcome;
  });
});

describe('toApiError', () => {
  for (const body of [
    '',
    'null',
    '[]',
    '{"details":null}',
    '{"details":{"causes":[null,1,{}]}}',
    '{"reason":{}}',
  ]) {
    it(`reads ${body || 'an empty body'} without a reason`, () => {
      assert.equal(toApiError(500, body).reason, '');
    });
  }
  it('knows a namespace that is going from any other refusal', () => {
    const causes = [{ reason: 'NamespaceTerminating' }];
    const body = JSON.stringify({ reason: 'Forbidden', details: { causes } });
    assert.equal(isNamespaceTerminating(toApiError(403, body)), true);
    assert.equal(isNamespaceTerminating(toApiError(403, '{"reason":"Forbidden"}')), false);
  });
  it('waits no longer than a minute, and never a negative or unreadable time', () => {
    assert.equal(toApiError(429, '', '86400').retryAfterMs, 60_000);
    assert.equal(toApiError(429, '', '-5').retryAfterMs, undefined);
    assert.equal(toApiError(429, '', 'soon').retryAfterMs, undefined);
    assert.equal(toApiError(429, '{"details":{"retryAfterSeconds":2}}').retryAfterMs, 2_000);
  });
});

describe('backoffMs', () => {
  const limits = { baseMs: 100, maxMs: 1_000 };
  it('doubles its bound up to the limit', () => {
    const bounds = [0, 1, 2, 3, 4, 5, 1e9].map((failures) => backoffMs(failures, limits, () => 1));
    assert.deepEqual(bounds, [100, 100, 200, 400, 800, 1_000, 1_000]);
  });
  it('may be anything below its bound', () => {
    assert.equal(
      backoffMs(3, limits, () => 0),
      0,
    );
  });
});

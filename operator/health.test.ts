import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HealthServer } from './health.ts';

describe('the health server', () => {
  let isReady = false;
  let base = '';
  const server = new HealthServer({ isReady: () => isReady, metrics: () => ({ weft_operator_streams: 3 }) });
  before(async () => {
    base = `http://127.0.0.1:${(await server.listen('127.0.0.1', 0)).port}`;
  });
  after(() => server.close());

  it('is alive before it is ready', async () => {
    assert.equal((await fetch(`${base}/healthz`)).status, 200);
    assert.equal((await fetch(`${base}/readyz`)).status, 503);
    isReady = true;
    assert.equal((await fetch(`${base}/readyz`)).status, 200);
  });
  it('shows metrics in Prometheus format', async () => {
    assert.match(
      await (await fetch(`${base}/metrics`)).text(),
      /^# TYPE weft_operator_streams gauge\nweft_operator_streams 3\n/,
    );
  });
  it('knows nothing else', async () => {
    assert.equal((await fetch(`${base}/debug`)).status, 404);
  });
});

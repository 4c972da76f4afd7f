import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InboundLimits } from '../api/proxy-config.ts';
import { inbound, sleep, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import {
  ask,
  assertError,
  begin,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
  type Version,
  type VersionServer,
} from './testing/versions.ts';

const limited = (limits: InboundLimits) => inbound([], { limits });

async function limitedPair(app: VersionServer, limits: InboundLimits): Promise<Pair> {
  return start(app, { inbound: limited(limits) });
}
function configure(pair: Pair, limits: InboundLimits | undefined): void {
  const { config } = pair.api.state;
  pair.api.state.setConfig({ ...config!, inbound: limits ? limited(limits) : inbound([]) });
}
/** An app that answers with the length of the body it got. */
const countBody = (version: Version) =>
  serveVersion(version, ({ body, answer }) => answer(200, `${body.length}`));
/** An app that has one request at a time, and no connection for another. */
const oneAtATime = (version: Version, respond: (seen: Seen) => void) =>
  serveVersion(version, respond, { settings: { maxConcurrentStreams: 1 } });
const ONE_CONNECTION = { maxConnectionsPerEndpoint: 1 };

const nothingOpen = (pair: Pair) => until(() => pair.api.path.connections().open === 0, 'nothing open');
const errors = (pair: Pair, code: string): number =>
  Number(
    new RegExp(`weft_errors_total\\{direction="inbound",code="${code}"\\} (\\d+)`).exec(
      pair.api.path.renderMetrics(),
    )?.[1] ?? 0,
  );
const post = (body: string, headers: Record<string, string> = {}) => ({ method: 'POST', body, headers });

for (const version of VERSIONS) {
  test(`${version}: a body of the limit passes, of a length told before or not, and one byte more does not`, async () => {
    const app = await countBody(version);
    const pair = await limitedPair(app, { maxBodyBytes: 1_000 });
    const body = 'x'.repeat(1_000);
    const untold = async (port: number, size: number) => {
      const client = openClient(version, port);
      const request = client.begin({ method: 'POST' });
      request.write(body.slice(0, 400));
      request.write('y'.repeat(size - 400));
      request.end();
      const answer = await request.answer;
      client.close();
      return answer;
    };
    const told = (size: number) => ({ 'content-length': `${size}` });
    assert.equal((await ask(version, pair.port, post(body, told(1_000)))).body, '1000');
    assert.equal((await untold(pair.port, 1_000)).body, '1000');
    assert.equal(app.seen.length, 2);
    for (const port of [pair.inboundPort, pair.port]) {
      const answer = await ask(version, port, post(`${body}y`, told(1_001)));
      assertError(version, answer, 'body-too-large');
      assertError(version, await untold(port, 1_001), 'body-too-large');
    }
    assert.equal(app.seen.length, 2, 'no whole request more than those came to the app');
    assert.equal(errors(pair, 'body-too-large'), 4);
    await nothingOpenBut(pair, version);
  });

  test(`${version}: a body that turns out too large does not look complete to the app`, async () => {
    const app = await countBody(version);
    const pair = await limitedPair(app, { maxBodyBytes: 10 });
    const client = openClient(version, pair.inboundPort);
    const request = client.begin({ method: 'POST' });
    request.write('12345');
    await until(() => app.accepted.length === 1 && app.accepted[0]!.bytesRead > 0);
    request.write('678901');
    assertError(version, await request.answer, 'body-too-large');
    client.close();
    await nothingOpen(pair);
    assert.equal(app.seen.length, 0);
  });

  test(`${version}: after the answer has begun a body over the limit cuts the exchange`, async () => {
    const app = await serveVersion(version, ({ begin }) => void begin('begun'), { isEarly: true });
    const pair = await limitedPair(app, { maxBodyBytes: 10 });
    const client = openClient(version, pair.inboundPort);
    const request = client.begin({ method: 'POST' });
    request.write('12345');
    await until(() => request.text() === 'begun', 'the answer to begin');
    request.write('x'.repeat(20));
    await assert.rejects(request.answer);
    assert.equal(request.text(), 'begun');
    assert.equal(errors(pair, 'body-too-large'), 1);
    client.close();
    await nothingOpen(pair);
  });

  test(`${version}: a limit of no body at all lets requests without one pass`, async () => {
    const pair = await limitedPair(await countBody(version), { maxBodyBytes: 0 });
    assert.equal((await ask(version, pair.port)).body, '0');
    assert.equal((await ask(version, pair.port, post(''))).body, '0');
    assertError(version, await ask(version, pair.port, post('x')), 'body-too-large');
  });

  test(`${version}: a request head over the limit is refused, one within it passes, on open connections too`, async () => {
    const pair = await limitedPair(await serveVersion(version), { maxHeaderBytes: 2_000 });
    // what else is in a head, and is counted of each field, differs between versions
    const padded = (size: number) => ({ headers: { 'x-pad': 'x'.repeat(size) } });
    const client = openClient(version, pair.inboundPort);
    assert.equal((await client.ask(padded(1_500))).body, 'done');
    configure(pair, { maxHeaderBytes: 1_000 });
    assert.equal((await client.ask(padded(500))).body, 'done');
    assertError(version, await client.ask(padded(1_000)), 'header-too-large');
    client.close();
    assertError(version, await ask(version, pair.inboundPort, padded(1_000)), 'header-too-large');
    configure(pair, undefined);
    assert.equal((await ask(version, pair.inboundPort, padded(1_000))).body, 'done');
    assert.equal(errors(pair, 'header-too-large'), 2);
    const refused = pair.api.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      refused.map(({ code, status, grpcStatus }) => [code, status, grpcStatus]),
      [1, 2].map(() => ['header-too-large', ...(version === 'grpc' ? [200, 8] : [431, undefined])]),
    );
    await nothingOpen(pair);
  });

  test(`${version}: connections over the limit are closed, those within it go on, also when it is lowered`, async () => {
    const pair = await limitedPair(await serveVersion(version), { maxConnections: 2 });
    const open = [openClient(version, pair.inboundPort), openClient(version, pair.inboundPort)];
    for (const { ask } of open) assert.equal((await ask()).body, 'done');
    await assert.rejects(ask(version, pair.inboundPort));
    assert.equal(errors(pair, 'overloaded'), 1);
    assert.match(pair.api.path.renderMetrics(), /weft_connections_refused_total\{direction="inbound"\} 1\n/);
    configure(pair, { maxConnections: 1 });
    for (const { ask } of open) assert.equal((await ask()).body, 'done');
    open.pop()!.close();
    await until(() => pair.api.path.connections().open === 1);
    await assert.rejects(ask(version, pair.inboundPort));
    open.pop()!.close();
    await nothingOpen(pair);
    assert.equal((await ask(version, pair.port)).body, 'done');
  });

  test(`${version}: requests over the limit that wait for the app are refused, and the others get their answer`, async () => {
    const held: Seen[] = [];
    const app = await oneAtATime(version, (seen) => held.push(seen));
    const pair = await start(app, {
      inbound: limited({ maxPendingRequests: 2 }),
      limits: ONE_CONNECTION,
    });
    const asked = (path: string) => begin(version, pair.inboundPort, { path }).answer;
    const first = asked('/first');
    await until(() => held.length === 1);
    const waiting = [asked('/second'), asked('/third')];
    await until(() => pair.api.path.connections().open === 3);
    await sleep(20);
    assertError(version, await asked('/fourth'), 'overloaded');
    for (const answer of [first, ...waiting]) {
      await until(() => held.length === 1);
      held.pop()!.answer(200, 'fine');
      assert.equal((await answer).body, 'fine');
    }
    const fifth = asked('/fifth');
    await until(() => held.length === 1);
    held.pop()!.answer(200, 'fine');
    assert.equal((await fifth).body, 'fine');
    assert.equal(errors(pair, 'overloaded'), 1);
    await nothingOpen(pair);
  });

  test(`${version}: who goes away while waiting for the app makes room`, async () => {
    const app = await oneAtATime(version, () => {});
    const pair = await start(app, { inbound: limited({ maxPendingRequests: 1 }), limits: ONE_CONNECTION });
    const first = begin(version, pair.inboundPort);
    await until(() => app.seen.length === 1);
    for (let turn = 0; turn < 5; turn += 1) {
      const waiting = begin(version, pair.inboundPort);
      await until(() => pair.api.path.connections().open === 2);
      await sleep(20);
      waiting.leave();
      await until(() => pair.api.path.connections().open === 1);
    }
    assert.equal(errors(pair, 'overloaded'), 0);
    first.leave();
    await nothingOpen(pair);
  });

  test(`${version}: an idle connection is closed after the policy’s time, and never with a time of 0`, async () => {
    const pair = await start(await serveVersion(version), {
      inbound: limited({ idleTimeoutMs: 100 }),
      limits: { idleTimeoutMs: 150 },
    });
    const impatient = openClient(version, pair.inboundPort);
    assert.equal((await impatient.ask()).body, 'done');
    await nothingOpen(pair);
    configure(pair, { idleTimeoutMs: 0 });
    const patient = openClient(version, pair.inboundPort);
    assert.equal((await patient.ask()).body, 'done');
    await sleep(400);
    assert.equal(pair.api.path.connections().open, 1);
    assert.equal((await patient.ask()).body, 'done');
    configure(pair, { idleTimeoutMs: 100 });
    await nothingOpen(pair);
    for (const { close } of [impatient, patient]) close();
  });

  test(`${version}: limits that are lifted hold no more`, async () => {
    const pair = await limitedPair(await countBody(version), {
      maxBodyBytes: 1,
      maxConnections: 1,
      maxHeaderBytes: 10,
    });
    assertError(version, await ask(version, pair.inboundPort, post('xx')), 'header-too-large');
    configure(pair, undefined);
    assert.equal((await ask(version, pair.inboundPort, post('xx'))).body, '2');
  });
}

/** The other sidecar keeps its connection of HTTP/2. */
function nothingOpenBut(pair: Pair, version: Version): Promise<void> {
  const kept = version === 'http1' ? 0 : 1;
  return until(() => pair.api.path.connections().open === kept, `${kept} open`);
}

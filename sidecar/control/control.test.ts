import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Resolution } from '../proxy-state.ts';
import { eventually, PROXY_ID, proxyConfig } from './control.fixture.ts';
import { TestControlPlane } from './control-plane.fixture.ts';
import { config, place, secret, start, version } from './running-control.fixture.ts';

const STRICT = { ports: [{ mtls: 'Strict' as const, authorizationDefault: 'Allow' as const }], rules: [] };

describe('a sidecar with a mounted Secret', () => {
  it('has it in force after the start, and then follows the stream', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    const { control, hash } = start(t, here);
    await control.start();
    assert.equal(hash(), 'h1');
    assert.deepEqual(control.reasons(), []);
    await eventually('the stream is up', () => control.streamIsUp);
    const [hello] = await here.plane.last.receives('hello');
    assert.deepEqual(hello?.version, version('h1', { x: 1 }));
    here.plane.last.send({ type: 'config', config: config(here, { version: version('h2', { x: 2 }) }) });
    const [ack] = await here.plane.last.receives('ack');
    assert.deepEqual(ack, { type: 'ack', version: version('h2', { x: 2 }) });
    assert.equal(hash(), 'h2');
    assert.equal(here.plane.connections.length, 1, 'a new configuration does not break the stream');
  });

  it('refuses what is older, foreign or cannot be prepared, keeps the old one, and says why', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { version: version('h2', { x: 2 }) }));
    const { control, hash } = start(t, here);
    control.state.onConfig((next) => {
      if (next.version.hash === 'bad') throw new Error('cannot be prepared');
      return () => {};
    });
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    const workload = { ...proxyConfig().workload, serviceAccount: 'other' };
    here.plane.last.send(
      { type: 'config', config: config(here, { version: version('old', { x: 1 }) }) },
      { type: 'config', config: config(here, { version: version('p2', { x: 3 }), proxyId: 'p2' }) },
      { type: 'config', config: config(here, { version: version('sa', { x: 3 }), workload }) },
      { type: 'config', config: config(here, { version: version('bad', { x: 3 }) }) },
      { type: 'config', config: { version: version('not', { x: 3 }) } as never },
      { type: 'config', config: { version: { hash: 1 } } as never },
      { type: 'config', config: null as never },
    );
    const nacks = await here.plane.last.receives('nack', 5);
    assert.deepEqual(
      nacks.map((nack) => nack.version.hash),
      ['old', 'p2', 'sa', 'bad', 'not'],
    );
    assert.match(nacks[0]!.reason, /policy x is at generation 1, 2/);
    assert.match(nacks[1]!.reason, /for proxy p2/);
    assert.match(nacks[2]!.reason, /sa\/web.*sa\/other/);
    assert.equal(nacks[3]!.reason, 'cannot be prepared');
    assert.match(nacks[4]!.reason, /not valid/);
    await eventually('all are counted', () => control.arbiter.rejected.stream === 7);
    assert.equal(hash(), 'h2');
    assert.ok(control.streamIsUp, 'and the stream goes on');
  });

  it('keeps the last good one when the Secret turns bad, counts it once, and takes the next good one', async (t) => {
    const here = await place(t);
    await here.plane.stop();
    await here.volume.write(await secret(here, { version: version('h1') }));
    const { control, hash, logs } = start(t, here);
    await control.start();
    await here.volume.write({ ...(await secret(here)), 'config.json': '{"half' });
    await eventually('it is refused', () => control.arbiter.rejected.mount === 1);
    assert.equal(hash(), 'h1');
    assert.deepEqual(control.reasons(), []);
    assert.match(logs.join(''), /not valid JSON \(6 characters\)/);
    await here.volume.write(await secret(here, { version: version('h2') }));
    await eventually('the next is taken', () => hash() === 'h2');
  });

  it('is not ready and says why when the first Secret is bad', async (t) => {
    const here = await place(t);
    await here.plane.stop();
    await here.volume.write({ ...(await secret(here)), 'config.json': '{"half' });
    const { control } = start(t, here);
    await control.start();
    assert.match(control.reasons().join(), /no configuration: not valid JSON/);
    assert.match(control.reasons().join(), /no identity: /);
  });

  it('lets the stream win over the mount while it is up, and turns to the mount when it is down', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { version: version('h1') }));
    const { control, hash } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    const before = control.state.identity;
    const later = { notAfter: new Date(Date.now() + 7_200_000) };
    await here.volume.write(await secret(here, { version: version('h2') }, later));
    await eventually('a later identity is taken at once', () => control.state.identity !== before);
    assert.equal(hash(), 'h1');
    await here.plane.stop();
    await eventually('the mount is in force', () => hash() === 'h2');
  });

  it('does not go back to what the mount still shows when the stream goes down', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    const { control, hash, logs } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    here.plane.last.send({ type: 'config', config: config(here, { version: version('h2', { x: 2 }) }) });
    await here.plane.last.receives('ack');
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    await here.plane.stop();
    await eventually('the mount is offered', () => logs.join('').includes('the mount is behind'));
    assert.equal(hash(), 'h2');
    assert.equal(control.arbiter.rejected.mount, 0);
  });

  it('takes a new identity from the stream and keeps the old one when the new one is bad', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const { control, logs } = start(t, here);
    const identities: string[] = [];
    control.state.onIdentity(({ certificate }) => identities.push(certificate));
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    const good = await here.authority.issue({ dns: [PROXY_ID] });
    const { privateKey } = await here.authority.issue();
    here.plane.last.send(
      { type: 'identity', ...good, privateKey, trustBundle: here.authority.root },
      { type: 'identity', certificate: 1, privateKey: 2, trustBundle: 3 } as never,
      { type: 'identity', ...good, trustBundle: here.authority.root },
    );
    await eventually('the new one is in force', () => identities.length === 2);
    assert.equal(control.state.identity?.certificate, good.certificate);
    assert.equal(control.arbiter.rejected.stream, 2);
    assert.doesNotMatch(logs.join(''), /PRIVATE KEY/);
    assert.equal(here.plane.connections.length, 1, 'the stream stays');
  });

  it('asks for destinations, acknowledges them, and subscribes again on a new connection', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const { control } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    const key = 'shop/payments:80';
    const answers: Resolution[] = [];
    control.destinations.resolve(key, (answer) => answers.push(answer));
    await here.plane.last.receives('subscribe');
    const destination = {
      version: version('d1', { x: 1 }),
      key,
      name: 'payments',
      namespace: 'shop',
      endpoints: [],
    };
    here.plane.last.send({ type: 'destination', key, destination });
    const [ack] = await here.plane.last.receives('ack');
    assert.deepEqual(ack, { type: 'ack', destination: key, version: destination.version });
    assert.deepEqual(answers as unknown, [destination]);
    here.plane.breakConnections();
    await eventually('it is connected again', () => here.plane.connections.length === 2);
    assert.deepEqual(await here.plane.last.receives('subscribe'), [{ type: 'subscribe', key }]);
    control.destinations.resolve(key, (answer) => answers.push(answer));
    assert.equal(answers.length, 2, 'and answered at once meanwhile');
  });

  it('lets a first call wait for a stream that ends and comes back', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { inbound: STRICT }));
    const { control } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    await here.plane.stop();
    await eventually('the stream is down', () => !control.streamIsUp);
    const answer = new Promise((resolve) => control.destinations.resolve('a:1', resolve));
    const next = await TestControlPlane.start(t, here.authority, { port: here.plane.port });
    next.onStream = (connection) => connection.send({ type: 'destination', key: 'a:1', destination: null });
    assert.equal(await answer, null);
  });

  it('follows the control plane to another address', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const { control } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    const other = { ...here, plane: await TestControlPlane.start(t, here.authority) };
    here.plane.last.send({ type: 'config', config: config(other, { version: version('h2') }) });
    await eventually('it has moved', () => other.plane.connections.length === 1);
    const [hello] = await other.plane.last.receives('hello');
    assert.equal(hello?.version?.hash, 'h2');
  });
});

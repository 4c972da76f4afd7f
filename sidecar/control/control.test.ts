import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import {
  createTestAuthority,
  OPERATOR_ID,
  type TestAuthority,
} from '../../test/fixtures/certificate-authority.ts';
import { createLog } from '../log.ts';
import type { Resolution } from '../proxy-state.ts';
import { readSettings } from '../settings.ts';
import { systemClock } from './clock.ts';
import { eventually, KubeletVolume, PROXY_ID, proxyConfig, temporaryFolder } from './control.fixture.ts';
import { Control } from './control.ts';
import { TestControlPlane } from './control-plane.fixture.ts';

/** how long a test certificate lives */
const HOUR_MS = 3_600_000;
let authority: TestAuthority;
before(async () => {
  authority = await createTestAuthority();
});

interface Place {
  readonly volume: KubeletVolume;
  readonly stateDir: string;
  readonly plane: TestControlPlane;
}

async function place(t: TestContext): Promise<Place> {
  return {
    volume: new KubeletVolume(await temporaryFolder(t)),
    stateDir: await temporaryFolder(t),
    plane: await TestControlPlane.start(t, authority),
  };
}

function start(
  t: TestContext,
  { volume, stateDir, plane }: Place,
  env: Record<string, string> = {},
  aheadMs = 0,
) {
  const logs: string[] = [];
  const control = new Control({
    settings: readSettings({
      WEFT_PROXY_ID: PROXY_ID,
      WEFT_PROXY_DIR: volume.directory,
      WEFT_STATE_DIR: stateDir,
      WEFT_CONTROL_PLANE: plane.address,
      WEFT_CONTROL_PLANE_ID: OPERATOR_ID,
      WEFT_TRUST_BUNDLE: authority.root,
      WEFT_TOKEN_FILE: join(stateDir, 'token'),
      ...env,
    }),
    ...{ agent: 'test', random: () => 0.01 },
    clock: { ...systemClock, nowMs: () => Date.now() + aheadMs },
    log: createLog({ level: 'debug', write: (line) => logs.push(line) }),
  });
  t.after(() => control.stop());
  return { control, logs, hash: () => control.state.config?.version.hash };
}

const version = (hash: string, policies: Record<string, number> = {}) => ({ hash, policies });

async function secret({ plane }: Place, overrides: Partial<ProxyConfig> = {}, options = {}) {
  const { certificate, privateKey } = await authority.issue({ dns: [PROXY_ID], ...options });
  const controlPlane = { address: plane.address, spiffeId: OPERATOR_ID };
  return {
    'config.json': JSON.stringify(proxyConfig({ controlPlane, ...overrides })),
    'tls.crt': certificate,
    'tls.key': privateKey,
    'ca.crt': authority.root,
  };
}

const config = ({ plane }: Place, overrides: Partial<ProxyConfig>) =>
  proxyConfig({ controlPlane: { address: plane.address, spiffeId: OPERATOR_ID }, ...overrides });

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
    const good = await authority.issue({ dns: [PROXY_ID] });
    const { privateKey } = await authority.issue();
    here.plane.last.send(
      { type: 'identity', ...good, privateKey, trustBundle: authority.root },
      { type: 'identity', certificate: 1, privateKey: 2, trustBundle: 3 } as never,
      { type: 'identity', ...good, trustBundle: authority.root },
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

  it('follows the control plane to another address', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const { control } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    const other = { ...here, plane: await TestControlPlane.start(t, authority) };
    here.plane.last.send({ type: 'config', config: config(other, { version: version('h2') }) });
    await eventually('it has moved', () => other.plane.connections.length === 1);
    const [hello] = await other.plane.last.receives('hello');
    assert.equal(hello?.version?.hash, 'h2');
  });
});

describe('a sidecar that restarts while the control plane is down', () => {
  it('knows all it knew: configuration, identity and destinations', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    const first = start(t, here);
    await first.control.start();
    await eventually('the stream is up', () => first.control.streamIsUp);
    const renewed = await authority.issue({ dns: [PROXY_ID], notAfter: new Date(Date.now() + 7_200_000) });
    here.plane.last.send(
      { type: 'config', config: config(here, { version: version('h2', { x: 2 }) }) },
      { type: 'identity', ...renewed, trustBundle: authority.root },
      { type: 'destination', key: '10.0.0.9:80', destination: null },
    );
    await eventually(
      'all is known',
      () =>
        first.control.state.identity?.certificate === renewed.certificate &&
        first.control.destinations.size === 1 &&
        first.hash() === 'h2',
    );
    await first.control.stop();
    await here.plane.stop();

    const second = start(t, here);
    await second.control.start();
    assert.equal(second.hash(), 'h2', 'not what the mount still shows');
    assert.equal(second.control.state.identity?.certificate, renewed.certificate);
    const answers: unknown[] = [];
    second.control.destinations.resolve('10.0.0.9:80', (answer) => answers.push(answer));
    assert.deepEqual(answers, [null]);
  });

  it('boots from the mount when that is newer, or when the snapshot is corrupt', async (t) => {
    const here = await place(t);
    await here.plane.stop();
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    const first = start(t, here);
    await first.control.start();
    await first.control.stop();
    await here.volume.write(await secret(here, { version: version('h2', { x: 2 }) }));
    const second = start(t, here);
    await second.control.start();
    assert.equal(second.hash(), 'h2');
    await second.control.stop();

    await here.volume.write(await secret(here, { version: version('h3', { x: 3 }) }));
    await writeFile(join(here.stateDir, 'snapshot'), 'weft-snapshot/1 00\n{"history":\n');
    const third = start(t, here);
    await third.control.start();
    assert.equal(third.hash(), 'h3');
    assert.match(third.logs.join(''), /no snapshot to start from.*checksum/);
  });

  it('does not take a mount whose policy is older than one it acknowledged, even with nothing else', async (t) => {
    const here = await place(t);
    await here.plane.stop();
    await here.volume.write(await secret(here, { version: version('h2', { x: 2 }) }));
    const first = start(t, here);
    await first.control.start();
    await first.control.stop();
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    const second = start(t, here);
    second.control.state.onConfig((next) => {
      if (next.version.hash === 'h2') throw new Error('this version cannot');
      return () => {};
    });
    await second.control.start();
    assert.equal(second.hash(), undefined);
    assert.match(second.control.reasons().join(), /older than what is in force: policy x/);
  });

  it('ignores the snapshot of another proxy', async (t) => {
    const here = await place(t);
    await here.plane.stop();
    await here.volume.write(await secret(here));
    const first = start(t, here);
    await first.control.start();
    await first.control.stop();
    const empty = { ...here, volume: new KubeletVolume(await temporaryFolder(t)) };
    const second = start(t, empty, { WEFT_PROXY_ID: 'p2' });
    await second.control.start();
    assert.equal(second.control.state.config, undefined);
    assert.equal(second.control.state.identity, undefined);
  });
});

describe('a sidecar without a Secret', () => {
  const answerWith = async (here: Place, options: object = {}) => {
    const identity = {
      ...(await authority.issue({ dns: [PROXY_ID], ...options })),
      trustBundle: authority.root,
    };
    const text = [
      { type: 'identity', ...identity },
      { type: 'config', config: config(here, { version: version('h1') }) },
    ];
    here.plane.identityAnswer = () => ({
      status: 200,
      text: text.map((message) => `${JSON.stringify(message)}\n`).join(''),
    });
    return identity;
  };

  it('asks with its token, is ready, and then follows the stream with the identity it got', async (t) => {
    const here = await place(t);
    await writeFile(join(here.stateDir, 'token'), 'token');
    const identity = await answerWith(here);
    const { control, hash } = start(t, here);
    await control.start();
    await eventually('the stream is up', () => control.streamIsUp);
    assert.equal(hash(), 'h1');
    assert.deepEqual(control.reasons(), []);
    assert.equal(control.state.identity?.certificate, identity.certificate);
    assert.match(here.plane.last.peerNames, /DNS:p1/);
  });

  it('asks again when its certificate expires, with the same token', async (t) => {
    const here = await place(t);
    await writeFile(join(here.stateDir, 'token'), 'token');
    await answerWith(here);
    const { control } = start(t, here, {}, HOUR_MS - 1_500);
    await control.start();
    await eventually('it has the first', () => control.state.identity !== undefined);
    const second = await answerWith(here, { notAfter: new Date(Date.now() + 3 * HOUR_MS) });
    await eventually('it has the second', () => control.state.identity?.certificate === second.certificate);
  });

  it('does not start from an expired identity of the snapshot, but from its configuration', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const first = start(t, here);
    await first.control.start();
    await first.control.stop();
    assert.equal(first.hash(), 'h1');
    const second = start(t, here, {}, 2 * HOUR_MS);
    await second.control.start();
    assert.equal(second.hash(), 'h1');
    assert.equal(second.control.state.identity, undefined);
    assert.match(second.control.reasons().join(), /no identity/);
    await writeFile(join(here.stateDir, 'token'), 'token');
    const renewed = await answerWith(here, { notAfter: new Date(Date.now() + 3 * HOUR_MS) });
    await eventually('it asked', () => second.control.state.identity?.certificate === renewed.certificate);
  });

  it('takes the Secret when it appears', async (t) => {
    const here = await place(t);
    const { control, hash } = start(t, here);
    await control.start();
    assert.equal(hash(), undefined);
    await here.volume.write(await secret(here));
    await eventually('it is ready', () => control.reasons().length === 0);
    await eventually('the stream is up', () => control.streamIsUp);
  });

  it('writes its key to the snapshot and nowhere else', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const { control, logs } = start(t, here);
    await control.start();
    await control.stop();
    assert.match(await readFile(join(here.stateDir, 'snapshot'), 'utf8'), /PRIVATE KEY/);
    assert.doesNotMatch(logs.join(''), /PRIVATE KEY/);
  });
});

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually, KubeletVolume, PROXY_ID, temporaryFolder } from './control.fixture.ts';
import { config, place, secret, start, version } from './running-control.fixture.ts';

describe('a sidecar that restarts while the control plane is down', () => {
  it('knows all it knew: configuration, identity and destinations', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here, { version: version('h1', { x: 1 }) }));
    const first = start(t, here);
    await first.control.start();
    await eventually('the stream is up', () => first.control.streamIsUp);
    const renewed = await here.authority.issue({
      dns: [PROXY_ID],
      notAfter: new Date(Date.now() + 7_200_000),
    });
    here.plane.last.send(
      { type: 'config', config: config(here, { version: version('h2', { x: 2 }) }) },
      { type: 'identity', ...renewed, trustBundle: here.authority.root },
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

  it('knows its destinations before it has a configuration, which binds the listeners', async (t) => {
    const here = await place(t);
    await here.volume.write(await secret(here));
    const first = start(t, here);
    await first.control.start();
    await eventually('the stream is up', () => first.control.streamIsUp);
    here.plane.last.send({ type: 'destination', key: '10.0.0.9:80', destination: null });
    await eventually('it is known', () => first.control.destinations.size === 1);
    await first.control.stop();
    await here.plane.stop();

    const second = start(t, here);
    const answers: unknown[] = [];
    second.control.state.onConfig(() => () => {
      second.control.destinations.resolve('10.0.0.9:80', (answer) => answers.push(answer));
    });
    await second.control.start();
    assert.deepEqual(answers, [null]);
  });

  it('knows from its Secret, in a pod that never ran before, what pods of its kind call', async (t) => {
    const here = await place(t);
    await here.plane.stop();
    const destination = { version: version('d1'), key: 'a:1', name: 'a', namespace: 'shop', endpoints: [] };
    const known = [
      { key: 'a:1', destination },
      { key: 'b:1', destination: { not: 'one' } },
    ];
    await here.volume.write({ ...(await secret(here)), 'destinations.json': JSON.stringify(known) });
    const { control } = start(t, here);
    const answers: unknown[] = [];
    control.state.onConfig(() => () => control.destinations.resolve('a:1', (answer) => answers.push(answer)));
    await control.start();
    assert.deepEqual(answers, [destination]);
    assert.deepEqual([...control.destinations.keys()], ['a:1'], 'and subscribes to it when it can');
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

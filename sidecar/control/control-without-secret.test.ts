import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually, PROXY_ID } from './control.fixture.ts';
import { config, HOUR_MS, type Place, place, secret, start, version } from './running-control.fixture.ts';

describe('a sidecar without a Secret', () => {
  const answerWith = async (here: Place, options: object = {}) => {
    const identity = {
      ...(await here.authority.issue({ dns: [PROXY_ID], ...options })),
      trustBundle: here.authority.root,
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

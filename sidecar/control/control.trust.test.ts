import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { TRUST_BUNDLE_SERIAL } from '../../api/stream.ts';
import { createTestAuthority } from '../../test/fixtures/certificate-authority.ts';
import { eventually, PROXY_ID } from './control.fixture.ts';
import { place, secret, start } from './running-control.fixture.ts';
import { rootsOf } from './trust-bundle.ts';

const numbered = (serial: number, ...roots: string[]) =>
  `${TRUST_BUNDLE_SERIAL}${serial}\n${roots.join('\n')}`;

async function running(t: TestContext, serial = 1) {
  const here = await place(t);
  const { root } = here.authority;
  const files = await secret(here);
  await here.volume.write({ ...files, 'ca.crt': numbered(serial, root) });
  const { control } = start(t, here);
  await control.start();
  await eventually('the stream is up', () => control.streamIsUp);
  const bundle = () => control.state.identity!.trustBundle;
  /** level-based: what was said last counts */
  const trusts = async (...roots: string[]) => {
    const said = () => here.plane.last.received.filter((message) => message.type === 'trusts').at(-1)?.roots;
    const expected = roots.flatMap(rootsOf);
    await eventually('it says what it trusts', () => isDeepStrictEqual(said(), expected));
  };
  return { here, root, files, control, bundle, trusts, other: (await createTestAuthority()).root };
}

describe('a trust bundle that changes alone', () => {
  it('comes into force with the certificate that is there, and is acknowledged', async (t) => {
    const { here, root, other, control, bundle, trusts } = await running(t);
    const [hello] = await here.plane.last.receives('hello');
    assert.deepEqual(hello?.roots, rootsOf(root));
    const { certificate } = control.state.identity!;
    here.plane.last.send({ type: 'trust-bundle', trustBundle: numbered(2, root, other) });
    await trusts(root, other);
    assert.equal(bundle(), numbered(2, root, other));
    assert.equal(control.state.identity!.certificate, certificate);
    assert.equal(here.plane.connections.length, 1, 'the stream goes on');
  });

  it('is acknowledged as it is when an older one comes', async (t) => {
    const { here, root, other, bundle, control, trusts } = await running(t, 5);
    here.plane.last.send({ type: 'trust-bundle', trustBundle: numbered(4, root, other) });
    await trusts(root);
    assert.equal(bundle(), numbered(5, root));
    assert.equal(control.arbiter.rejected.stream, 0);
  });

  it('is refused when the own certificate is of none of its roots, or it is none', async (t) => {
    const { here, root, other, bundle, control, trusts } = await running(t);
    for (const trustBundle of [numbered(2, other), numbered(2, 'nonsense'), 7]) {
      here.plane.last.send({ type: 'trust-bundle', trustBundle: trustBundle as string });
    }
    await eventually('all are counted', () => control.arbiter.rejected.stream === 3);
    await trusts(root);
    assert.equal(bundle(), numbered(1, root));
  });

  it('comes from the mount too, while the stream is up', async (t) => {
    const { here, root, other, files, bundle, trusts } = await running(t);
    await here.volume.write({ ...files, 'ca.crt': numbered(2, root, other) });
    await eventually('it is in force', () => bundle() === numbered(2, root, other));
    await trusts(root, other);
  });

  it('is not taken back by a mount that is behind', async (t) => {
    const { here, root, other, files, bundle, control, trusts } = await running(t, 1);
    here.plane.last.send({ type: 'trust-bundle', trustBundle: numbered(3, root, other) });
    await trusts(root, other);
    await here.volume.write({ ...files, 'ca.crt': numbered(2, root) });
    const renewed = await here.authority.issue({ dns: [PROXY_ID] });
    here.plane.last.send({ type: 'identity', ...renewed, trustBundle: numbered(2, root) });
    await eventually(
      'the certificate is the new one',
      () => control.state.identity!.certificate === renewed.certificate,
    );
    assert.equal(bundle(), numbered(3, root, other));
  });

  it('is still known after a restart', async (t) => {
    const { here, root, other, control, trusts } = await running(t);
    here.plane.last.send({ type: 'trust-bundle', trustBundle: numbered(2, root, other) });
    await trusts(root, other);
    await control.stop();
    const again = start(t, here);
    await again.control.start();
    assert.equal(again.control.state.identity?.trustBundle, numbered(2, root, other));
  });

  it('begins anew with a certificate of another root when who numbers it has begun anew', async (t) => {
    const { here, bundle } = await running(t, 9);
    const stranger = await createTestAuthority();
    const issued = await stranger.issue({ dns: [PROXY_ID] });
    here.plane.last.send({ type: 'identity', ...issued, trustBundle: numbered(1, stranger.root) });
    await eventually('the new one is in force', () => bundle() === numbered(1, stranger.root));
  });
});

describe('a mounted Secret whose certificate has expired', () => {
  it('still says which roots the control plane may have', async (t) => {
    const here = await place(t);
    const files = await secret(here);
    await here.volume.write(files);
    // a pod that was made before the rotation: what it was given then is of no use any more
    const { root: outdated } = await createTestAuthority('another root');
    const { control } = start(t, here, { WEFT_TRUST_BUNDLE: outdated }, 3 * 3_600_000);
    let asked = 0;
    here.plane.identityAnswer = () => {
      asked += 1;
      return { status: 403, text: '' };
    };
    await writeFile(join(here.stateDir, 'token'), 'a-token');
    await control.start();
    await eventually('it has asked with its token', () => asked > 0);
  });
});

import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { CONFIG_MAX_BYTES } from '../../api/names.ts';
import { createTestAuthority, type TestAuthority } from '../../test/fixtures/certificate-authority.ts';
import { systemClock } from './clock.ts';
import { eventually, KubeletVolume, PROXY_ID, proxyConfig, temporaryFolder } from './control.fixture.ts';
import { Mount, type Mounted } from './mount.ts';

let authority: TestAuthority;
before(async () => {
  authority = await createTestAuthority();
});

async function secret(config: unknown = proxyConfig(), options = {}): Promise<Record<string, string>> {
  const { certificate, privateKey } = await authority.issue(options);
  return {
    'config.json': typeof config === 'string' ? config : JSON.stringify(config),
    'tls.crt': certificate,
    'tls.key': privateKey,
    'ca.crt': authority.root,
  };
}

function watched(t: TestContext, directory: string, options: { pollMs?: number } = {}) {
  const changes: Mounted[] = [];
  const mount = new Mount({
    ...{ directory, proxyId: PROXY_ID, clock: systemClock, settleMs: 20, pollMs: options.pollMs ?? 60_000 },
    onChange: (mounted) => changes.push(mounted),
  });
  t.after(() => mount.stop());
  return { mount, changes };
}

async function readOnce(t: TestContext, files: Record<string, string>): Promise<Mounted> {
  const directory = await temporaryFolder(t);
  await new KubeletVolume(directory).write(files);
  const { mount } = watched(t, directory);
  return mount.start();
}

async function reasonFor(t: TestContext, files: Record<string, string>): Promise<string> {
  const mounted = await readOnce(t, files);
  return mounted.kind === 'invalid' ? mounted.reason : assert.fail(`it is ${mounted.kind}`);
}

const hashOf = (mounted: Mounted | undefined) =>
  mounted?.kind === 'valid' ? mounted.config.version.hash : mounted?.kind;

describe('reading the mount', () => {
  it('reads the volume of a Secret', async (t) => {
    const mounted = await readOnce(t, await secret());
    assert.ok(mounted.kind === 'valid');
    assert.equal(mounted.config.proxyId, PROXY_ID);
    assert.match(mounted.identity.spiffeId, /ns\/shop\/sa\/web$/);
  });

  it('reads a plain folder', async (t) => {
    const directory = await temporaryFolder(t);
    for (const [name, text] of Object.entries(await secret())) await writeFile(join(directory, name), text);
    assert.equal((await watched(t, directory).mount.start()).kind, 'valid');
  });

  it('finds nothing in an empty folder, nor where there is no folder', async (t) => {
    const directory = await temporaryFolder(t);
    assert.deepEqual(await watched(t, directory).mount.start(), { kind: 'absent' });
    assert.deepEqual(await watched(t, join(directory, 'none')).mount.start(), { kind: 'absent' });
  });

  it('takes all four files or none', async (t) => {
    for (const name of ['config.json', 'tls.crt', 'tls.key', 'ca.crt']) {
      const files = await secret();
      delete files[name];
      assert.equal(await reasonFor(t, files), `${name} is missing`);
    }
  });

  it('takes destinations if there are any, and is whole without them, whatever is wrong with them', async (t) => {
    const known = [{ key: 'shop/pay:80', destination: null }];
    const destinationsOf = async (text: string | undefined) => {
      const files = { ...(await secret()), ...(text !== undefined && { 'destinations.json': text }) };
      const mounted = await readOnce(t, files);
      return mounted.kind === 'valid' ? mounted.destinations : assert.fail(`it is ${mounted.kind}`);
    };
    assert.deepEqual(await destinationsOf(JSON.stringify(known)), known);
    for (const wrong of [
      undefined,
      '',
      '[',
      '{}',
      'null',
      '[null, 1, {"key": 1}]',
      ' '.repeat(32 * 1024 + 1),
    ]) {
      assert.deepEqual(await destinationsOf(wrong), [], wrong?.slice(0, 20));
    }
  });

  it('refuses what is half written', async (t) => {
    const files = await secret();
    const half = files['config.json']!.slice(0, 40);
    assert.match(await reasonFor(t, { ...files, 'config.json': half }), /^not valid JSON \(40 characters\)$/);
    assert.match(await reasonFor(t, { ...files, 'tls.crt': files['tls.crt']!.slice(0, 60) }), /not PEM/);
    assert.match(await reasonFor(t, { ...files, 'tls.key': '' }), /key cannot be parsed/);
  });

  it('refuses a configuration that its schema does not know', async (t) => {
    assert.match(await reasonFor(t, await secret({ ...proxyConfig(), extra: 1 })), /extra unknown field/);
    assert.match(await reasonFor(t, await secret([])), /configuration is not valid/);
    assert.match(await reasonFor(t, await secret('null')), /configuration is not valid/);
  });

  it('refuses the configuration of another proxy', async (t) => {
    const files = await secret(proxyConfig({ proxyId: 'p2' }));
    assert.match(await reasonFor(t, files), /is for proxy p2, this is p1/);
  });

  it('refuses a control plane that cannot be dialled or known', async (t) => {
    const { controlPlane } = proxyConfig();
    const config = (change: object) => secret(proxyConfig({ controlPlane: { ...controlPlane, ...change } }));
    assert.match(await reasonFor(t, await config({ address: 'nowhere' })), /must be host:port/);
    assert.match(await reasonFor(t, await config({ spiffeId: 'x' })), /no SPIFFE ID/);
  });

  it('refuses a key that is not of the certificate', async (t) => {
    const files = { ...(await secret()), 'tls.key': (await secret())['tls.key']! };
    assert.match(await reasonFor(t, files), /does not belong/);
  });

  it('refuses a certificate that is of another root, of another workload, or expired', async (t) => {
    const stranger = (await createTestAuthority('stranger')).root;
    assert.match(await reasonFor(t, { ...(await secret()), 'ca.crt': stranger }), /does not chain/);
    const spiffeId = 'spiffe://test.example/ns/shop/sa/other';
    assert.match(
      await reasonFor(t, await secret(proxyConfig(), { spiffeId })),
      /certificate says .*sa\/other/,
    );
    const old = { notBefore: new Date(Date.now() - 7200_000), notAfter: new Date(Date.now() - 60_000) };
    assert.match(await reasonFor(t, await secret(proxyConfig(), old)), /expired/);
  });

  it('refuses files that are too large', async (t) => {
    const files = await secret(' '.repeat(CONFIG_MAX_BYTES + 1));
    assert.match(await reasonFor(t, files), /larger than 262144 bytes/);
  });
});

describe('watching the mount', () => {
  it('tells of a volume that is swapped', async (t) => {
    const volume = new KubeletVolume(await temporaryFolder(t));
    await volume.write(await secret());
    const { mount, changes } = watched(t, volume.directory);
    assert.equal(hashOf(await mount.start()), 'h1');
    for (const hash of ['h2', 'h3']) {
      await volume.write(await secret(proxyConfig({ version: { hash, policies: {} } })));
      await eventually(`${hash} is seen`, () => hashOf(changes.at(-1)) === hash);
    }
  });

  it('tells what is wrong with a bad swap, and of the good one after it', async (t) => {
    const volume = new KubeletVolume(await temporaryFolder(t));
    await volume.write(await secret());
    const { mount, changes } = watched(t, volume.directory);
    await mount.start();
    await volume.write(await secret('{'));
    await eventually('the bad one is seen', () => changes.at(-1)?.kind === 'invalid');
    await volume.write(await secret());
    await eventually('the good one is seen', () => changes.at(-1)?.kind === 'valid');
  });

  it('waits until a plain folder is written', async (t) => {
    const directory = await temporaryFolder(t);
    const { mount, changes } = watched(t, directory);
    await mount.start();
    for (const [name, text] of Object.entries(await secret())) await writeFile(join(directory, name), text);
    await eventually('the folder is read', () => changes.at(-1)?.kind === 'valid');
  });

  it('finds a folder that appears later, by polling, and sees it go', async (t) => {
    const directory = join(await temporaryFolder(t), 'later');
    const { mount, changes } = watched(t, directory, { pollMs: 30 });
    assert.equal((await mount.start()).kind, 'absent');
    await mkdir(directory);
    await new KubeletVolume(directory).write(await secret());
    await eventually('it is found', () => changes.at(-1)?.kind === 'valid');
    await rm(directory, { recursive: true });
    await eventually('it is gone', () => changes.at(-1)?.kind === 'absent');
  });

  it('looks often for what has never been there, whatever the poll', async (t) => {
    const directory = join(await temporaryFolder(t), 'later');
    const { mount, changes } = watched(t, directory, { pollMs: 60_000 });
    assert.equal((await mount.start()).kind, 'absent');
    await mkdir(directory);
    await new KubeletVolume(directory).write(await secret());
    await eventually('it is found', () => changes.at(-1)?.kind === 'valid');
  });

  it('reads nothing anew when nothing changes', async (t) => {
    const volume = new KubeletVolume(await temporaryFolder(t));
    await volume.write(await secret());
    const { mount, changes } = watched(t, volume.directory, { pollMs: 5 });
    await mount.start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(changes, []);
  });

  it('never sees files of two versions', async (t) => {
    const volume = new KubeletVolume(await temporaryFolder(t));
    await volume.write(await secret());
    const { mount, changes } = watched(t, volume.directory, { pollMs: 1 });
    await mount.start();
    const secrets = await Promise.all(
      Array.from({ length: 30 }, (_, i) => secret(proxyConfig({ version: { hash: `s${i}`, policies: {} } }))),
    );
    for (const files of secrets) await volume.write(files);
    await eventually('the last is seen', () => hashOf(changes.at(-1)) === 's29');
    assert.deepEqual(
      changes.filter(({ kind }) => kind !== 'valid'),
      [],
    );
  });
});

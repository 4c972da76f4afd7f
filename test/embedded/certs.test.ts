import assert from 'node:assert/strict';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Shop, startShop } from './shop.fixture.ts';

interface Certs {
  readonly rotation?: { readonly phase: string; readonly roots: readonly { readonly fingerprint: string }[] };
  readonly proxies: readonly {
    readonly proxy: string;
    readonly identity?: {
      readonly spiffeId: string;
      readonly signer?: string;
      readonly roots: readonly string[];
    };
  }[];
  readonly problems: readonly string[];
}

describe('weft certs and weft debug proxy, of a weft run', () => {
  let shop: Shop;
  before(async () => {
    shop = await startShop();
  });
  after(() => shop.stop());

  it('tells the root, and of each sidecar whose certificate it has and what it trusts; nothing secret', async () => {
    const { code, stdout, stderr } = await shop.weft('certs', '-o', 'json');
    assert.equal(code, 0, stderr);
    const { rotation, proxies, problems }: Certs = JSON.parse(stdout);
    assert.equal(rotation?.phase, 'Steady');
    const roots = rotation.roots.map(({ fingerprint }) => fingerprint);
    assert.equal(roots.length, 1);
    assert.deepEqual(
      proxies.map(({ proxy, identity }) => [proxy, identity?.spiffeId, identity?.signer, identity?.roots]),
      ['catalog', 'payments', 'web'].map((name) => [
        ...[`shop/${name}`, `spiffe://cluster.local/ns/shop/sa/${name}`, roots[0], roots],
      ]),
    );
    assert.deepEqual(problems, []);
    assert.doesNotMatch(stdout, /PRIVATE|BEGIN/);
  });

  it('prints two tables for people', async () => {
    const { code, stdout } = await shop.weft('certs');
    assert.equal(code, 0);
    assert.match(stdout, /^Steady: one root is trusted and signs; it is to be followed in \d+ days\n/);
    assert.match(
      stdout,
      /ROOT +ROLE[\s\S]*signs[\s\S]*PROXY +CERTIFICATE[\s\S]*shop\/web +ends in 23 h .*1 of 1/,
    );
  });

  it('exits 3 and says why when something is worth a look', async () => {
    const report = join(await stateFolder(shop), 'rotation.json');
    await rename(report, `${report}.away`);
    const { code, stdout } = await shop.weft('certs');
    await rename(`${report}.away`, report);
    assert.equal(code, 3);
    assert.match(stdout, /! no operator has reported the state of the root yet/);
  });

  it('debug proxy prints all that a sidecar holds, and nothing secret', async () => {
    const { code, stdout, stderr } = await shop.weft('debug', 'proxy', 'payments', '-o', 'json');
    assert.equal(code, 0, stderr);
    const { proxy, config, edges, connections } = JSON.parse(stdout);
    assert.equal(proxy, 'shop/payments');
    assert.equal(config.identity.spiffeId, 'spiffe://cluster.local/ns/shop/sa/payments');
    assert.ok(config.config.inbound.ports.length > 0);
    assert.ok(edges !== undefined && connections !== undefined);
    assert.doesNotMatch(stdout, /PRIVATE|BEGIN/);
    assert.match((await shop.weft('debug', 'proxy', 'shop/payments')).stdout, /^proxy: shop\/payments\n/);
  });

  it('debug proxy says that there is no such proxy', async () => {
    const { code, stderr } = await shop.weft('debug', 'proxy', 'nobody');
    assert.equal(code, 2);
    assert.match(stderr, /no Workload nobody is in/);
  });
});

/** Linux only: as the operator of this mesh was told. */
async function stateFolder(shop: Shop): Promise<string> {
  const words = (await readFile(`/proc/${await shop.pidOf('operator')}/cmdline`, 'utf8')).split('\0');
  return words[words.indexOf('--state') + 1]!;
}

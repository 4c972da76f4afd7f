import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { TestAuthority } from '../../sidecar/testing/certificates.ts';
import { API, WEB } from '../../sidecar/testing/pair.ts';
import { SideProcess } from '../faults/side-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** CommonJS packages call `require`; an ES module has none. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Two sidecars' data paths as bundled processes: web calls api over mTLS, and api's app is on loopback. */
export interface Mesh {
  readonly web: SideProcess;
  readonly api: SideProcess;
  stop(): Promise<void>;
}

/** `runtime`: the program that runs the bundle, with these flags; the one that runs this unless given. */
export async function startMesh(
  appPort: number,
  runtime = process.execPath,
  flags: readonly string[] = [],
): Promise<Mesh> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-soak-'));
  const entry = join(directory, 'side.mjs');
  // what is native is not bundled
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await build({
    entryPoints: [join(ROOT, 'test', 'faults', 'side.ts')],
    ...{ outfile: entry, bundle: true, minify: true, platform: 'node', target: 'node24', format: 'esm' },
    ...{ external: ['koffi'], banner: { js: BANNER }, legalComments: 'none', logLevel: 'warning' },
  });
  const authority = await TestAuthority.create();
  const limits = { maxConnections: 10_000 };
  // so that what is in use can be told from what is not collected yet
  const how = { entry, runtime, flags, collectable: true };
  const api = await SideProcess.start({ appPort, identity: await authority.workload(API), limits }, how);
  const endpoint = { port: api.inboundPort, spiffeId: API };
  const web = await SideProcess.start({ endpoint, identity: await authority.workload(WEB), limits }, how);
  return {
    web,
    api,
    stop: async () => {
      await Promise.all([web.stop(), api.stop()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

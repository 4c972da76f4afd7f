/**
 * Bundles the program into dist/, which is all the image holds of it: one file for every room, so that a sidecar
 * reads nothing that is the operator's, one for each part of the sidecar that few need, a dispatcher that loads the
 * one that is asked for, and koffi, which is native, for the architecture that builds.
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type BuildOptions, type BuildResult, build, type Metafile, type Plugin } from 'esbuild';

const root = import.meta.dirname;

/** Room: its entry. The names are those of the files in dist/. */
export const ROOMS = {
  operator: 'operator/main.ts',
  injector: 'injector/main.ts',
  sidecar: 'sidecar/main.ts',
  init: 'init/main.ts',
  cli: 'cli/main.ts',
} as const;
export type Room = keyof typeof ROOMS;

/** Parts of the sidecar that few need, each a bundle `sidecar-<name>.js` (see sidecar/optional/load.ts). */
export const SIDECAR_PARTS = {
  re2: 'sidecar/optional/re2.ts',
  tracing: 'sidecar/tracing/tracer.ts',
  jwt: 'sidecar/optional/jwt.ts',
} as const;

/** CommonJS packages call `require` and look beside themselves; an ES module has neither. */
const banner = [
  "import { createRequire as weftCreateRequire } from 'node:module';",
  'const require = weftCreateRequire(import.meta.url);',
  'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
].join('\n');

/** How every room is bundled. */
export const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  external: ['koffi'],
  banner: { js: banner },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

/** The dispatcher's `import('./sidecar/main.ts')` becomes `import('./sidecar.js')`, a bundle of its own. */
const roomsApart: Plugin = {
  name: 'rooms-apart',
  setup(builder) {
    builder.onResolve({ filter: /\/main\.ts$/ }, ({ path }) => {
      const room = basename(dirname(path));
      return room in ROOMS ? { path: `./${room}.js`, external: true } : undefined;
    });
  },
};

async function bundle(options: BuildOptions): Promise<Metafile> {
  const result: BuildResult<{ metafile: true }> = await build({ ...common, ...options, metafile: true });
  return result.metafile;
}

function bundleRoom(room: Room, out: string): Promise<Metafile> {
  // Names of functions and classes stay readable in stack traces everywhere but in the sidecar, which there is
  // thousands of.
  const size = { minifySyntax: true, minifyWhitespace: true, minifyIdentifiers: room === 'sidecar' };
  if (room === 'cli') return bundleCli(out, size);
  return bundle({ entryPoints: [ROOMS[room]], outfile: join(out, `${room}.js`), ...size });
}

/** In pieces: `weft drain`, which every pod runs when it ends, does not read the Kubernetes client. */
function bundleCli(out: string, size: BuildOptions): Promise<Metafile> {
  const entryPoints = [{ in: ROOMS.cli, out: 'cli' }];
  return bundle({ entryPoints, outdir: out, splitting: true, chunkNames: 'cli-[hash]', ...size });
}

function bundleSidecarParts(out: string): Promise<Metafile[]> {
  const parts = Object.entries(SIDECAR_PARTS).map(([name, entry]) =>
    bundle({ entryPoints: [entry], outfile: join(out, `sidecar-${name}.js`), minify: true }),
  );
  return Promise.all(parts);
}

/** What koffi needs at run time on Linux with glibc: 1.2 MB of the 120 it comes with for all platforms. */
async function copyKoffi(out: string): Promise<void> {
  const from = join(root, 'node_modules');
  const to = join(out, 'node_modules');
  const native = `@koromix/koffi-linux-${process.arch}`;
  const parts = ['koffi/package.json', 'koffi/index.js', 'koffi/index.cjs', 'koffi/src/koffi'];
  const prebuilt = ['package.json', 'index.js', `linux_${process.arch}`].map((part) => `${native}/${part}`);
  for (const part of [...parts, 'koffi/LICENSE.txt', ...prebuilt]) {
    await mkdir(dirname(join(to, part)), { recursive: true });
    await cp(join(from, part), join(to, part), {
      recursive: true,
      filter: (path) => !/\.(cc|hh|h|c|S|asm|inc|d\.ts)$/.test(path),
    });
  }
}

/** Inputs and outputs of every bundle in one metafile, paths relative to the project. */
function merge(metafiles: readonly Metafile[]): Metafile {
  return {
    inputs: Object.assign({}, ...metafiles.map(({ inputs }) => inputs)),
    outputs: Object.assign({}, ...metafiles.map(({ outputs }) => outputs)),
  };
}

/** Writes the bundles to `out` and returns their metafile, which is also written there. */
export async function buildAll(out: string = join(root, 'dist')): Promise<Metafile> {
  await rm(out, { recursive: true, force: true });
  const metafiles = [
    await bundle({ entryPoints: ['weft.ts'], outfile: join(out, 'weft.js'), plugins: [roomsApart] }),
  ];
  for (const room of Object.keys(ROOMS) as Room[]) metafiles.push(await bundleRoom(room, out));
  metafiles.push(...(await bundleSidecarParts(out)));
  await copyKoffi(out);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await writeFile(
    join(out, 'package.json'),
    `${JSON.stringify({ name: 'weft', version, type: 'module' })}\n`,
  );
  const metafile = merge(metafiles);
  await writeFile(join(out, 'meta.json'), JSON.stringify(metafile));
  return metafile;
}

if (import.meta.main) {
  const { outputs } = await buildAll();
  for (const [path, { bytes }] of Object.entries(outputs)) {
    process.stdout.write(`${path} ${Math.ceil(bytes / 1024)} KiB\n`);
  }
}

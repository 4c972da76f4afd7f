import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { common, SIDECAR_PARTS } from '../../../build.ts';

/** Inside the project, so that koffi is found as it is beside the image's bundle. */
const PROJECT = join(import.meta.dirname, '../../..');
const OUT = join(PROJECT, 'node_modules/.cache/weft-bench', String(process.pid));

export interface BundleOptions {
  /** keeps names and the sources' paths, for profiles */
  readonly readable: boolean;
  /** another checkout whose api/ and sidecar/ are measured, such as one from before a change */
  readonly tree: string | undefined;
}

export async function makeBundles(options: BundleOptions): Promise<{ weft: string; httpProxy: string }> {
  mkdirSync(OUT, { recursive: true });
  const plugins = options.tree === undefined ? [] : [fromTree(options.tree)];
  const one = async (name: string, minify: boolean) => {
    const outfile = join(OUT, `${name}.mjs`);
    const entryPoints = [join(import.meta.dirname, `${name}.ts`)];
    await build({ ...common, entryPoints, outfile, minify, plugins });
    return outfile;
  };
  return {
    weft: await one('weft-proxy', !options.readable),
    httpProxy: await one('http-proxy-server', true),
  };
}

/** The parts that a policy may need, beside the bundle that opens them. */
export async function makeParts(): Promise<void> {
  writeFileSync(join(OUT, 'package.json'), '{"type":"module"}');
  for (const [name, entry] of Object.entries(SIDECAR_PARTS)) {
    const outfile = join(OUT, `sidecar-${name}.js`);
    await build({ ...common, entryPoints: [join(PROJECT, entry)], outfile, minify: true });
  }
}

/** The Weft candidate of another checkout, beside that of this one. */
export async function makeOtherBundle(tree: string): Promise<string> {
  const outfile = join(OUT, 'other.mjs');
  const entryPoints = [join(import.meta.dirname, 'weft-proxy.ts')];
  await build({ ...common, entryPoints, outfile, minify: true, plugins: [fromTree(tree)] });
  return outfile;
}

export function removeBundles(): void {
  rmSync(OUT, { recursive: true, force: true });
}

/** All of the image's dist/, by the build script of the tree that is measured. */
export async function makeDist(tree: string | undefined): Promise<string> {
  const out = join(OUT, 'dist');
  const { buildAll } = (await import(
    resolve(tree ?? PROJECT, 'build.ts')
  )) as typeof import('../../../build.ts');
  await buildAll(out);
  return out;
}

/** The benchmark's own `../../../sidecar/…` becomes the other checkout's. */
function fromTree(tree: string): Plugin {
  return {
    name: 'from-tree',
    setup(builder) {
      builder.onResolve({ filter: /^(?:\.\.\/)+(?:sidecar|api)\// }, ({ path, importer }) => {
        if (!importer.startsWith(import.meta.dirname)) return undefined;
        return { path: resolve(tree, path.replace(/^(?:\.\.\/)+/, '')) };
      });
    },
  };
}

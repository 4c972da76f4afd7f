import { rmSync } from 'node:fs';
import { makeBundles, makeDist, removeBundles } from './candidates/bundles.ts';
import type { Bench } from './hops/hop.ts';
import { makeCertificates } from './machine/certificates.ts';
import { imageFlags } from './machine/image.ts';
import { buildLoad } from './machine/load.ts';
import { stopAll } from './machine/pinned.ts';
import { startUpstream } from './machine/upstream.ts';
import type { Options } from './options.ts';

/** Makes all that the hops share: certificates, the load generator, the bundles, the upstream. */
export async function openBench(dir: string, options: Options, say: (line: string) => void): Promise<Bench> {
  const certificates = await makeCertificates(dir);
  const load = buildLoad(dir);
  const bundles = await makeBundles({ readable: options.profile, tree: options.tree });
  const upstream = await startUpstream(dir, load, certificates);
  const { candidates, repeats, seconds, runtime } = options;
  const runtimeFlags = options.runtimeFlags ?? imageFlags();
  const chosen = { candidates, repeats, seconds, runtime, runtimeFlags };
  const dist = once(() => makeDist(options.tree));
  return { dir, certificates, load, bundles, upstream, dist, say, ...chosen };
}

/** Leaves nothing behind: no process, no file. */
export async function closeBench(dir: string): Promise<void> {
  await stopAll();
  rmSync(dir, { recursive: true, force: true });
  removeBundles();
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

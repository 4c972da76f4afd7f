import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { idlePod } from './lifecycle.fixture.ts';

/** What became of pods that were tried, one after the other, while something was done. */
export interface Tried {
  readonly count: number;
  /** of pods that were refused, or would have no sidecar */
  readonly failures: readonly string[];
  /** of sidecars, in the order in which they were first seen */
  readonly images: readonly string[];
}

const PAUSE_MS = 250;

/** Tries (dry run) without pause what a pod that is created in this namespace gets. */
export async function watchInjection(
  cluster: Cluster,
  namespace: string,
  work: () => Promise<unknown>,
): Promise<Tried> {
  const images = new Set<string>();
  const failures: string[] = [];
  let count = 0;
  let isOver = false;
  const trying = (async () => {
    while (!isOver) {
      const outcome = await trySidecar(cluster, namespace);
      count += 1;
      if ('image' in outcome) images.add(outcome.image);
      else failures.push(outcome.failure);
      await delay(PAUSE_MS);
    }
  })();
  await work().finally(() => {
    isOver = true;
  });
  await trying;
  return { count, failures, images: [...images] };
}

/** The image of the sidecar that a pod would get now, or why it would get none. */
export async function trySidecar(
  cluster: Cluster,
  namespace: string,
): Promise<{ readonly image: string } | { readonly failure: string }> {
  const input = JSON.stringify(idlePod(namespace, 'tried'));
  const create = ['create', '--dry-run=server', '-o', 'json', '-f', '-'];
  const { code, stdout, stderr } = await cluster.kubectl(create, { input });
  if (code !== 0) return { failure: stderr };
  const image = sidecarImage(JSON.parse(stdout));
  return image === undefined ? { failure: 'no sidecar' } : { image };
}

interface Injected {
  readonly spec: { readonly initContainers?: readonly { readonly name: string; readonly image: string }[] };
}

/** undefined: the pod has no sidecar */
export function sidecarImage({ spec }: Injected): string | undefined {
  return spec.initContainers?.find(({ name }) => name === 'weft-sidecar')?.image;
}

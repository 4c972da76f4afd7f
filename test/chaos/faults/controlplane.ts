import { setTimeout as delay } from 'node:timers/promises';
import type { Part } from '../../cluster/lifecyclesite.ts';
import { waitUntil } from '../../cluster/scenario.ts';
import type { ChaosSite } from '../chaossite.ts';
import { type Deployment, REPLICAS, SHOP } from '../shop/shop.ts';
import { Skipped } from './pods.ts';

const SYSTEM = 'weft-system';

/** Both replicas of a part that are ready, in the order of their names. */
async function replicas(site: ChaosSite, part: Part): Promise<string[]> {
  const get = ['get', 'pods', '-l', `app.kubernetes.io/component=${part}`, '-o'];
  const names = 'jsonpath={range .items[?(@.status.containerStatuses[0].ready==true)]}{.metadata.name} {end}';
  return (await site.kubectl('-n', SYSTEM, ...get, names)).trim().split(' ').sort();
}

async function kill(site: ChaosSite, part: Part, which: (names: string[]) => Promise<string | undefined>) {
  let names: string[] = [];
  const hasTwo = async () => {
    names = await replicas(site, part);
    return names.length >= 2;
  };
  await waitUntil(`two of ${part}`, hasTwo).catch(() => {
    throw new Skipped(`${names.length} of ${part} serve`);
  });
  const name = await which(names);
  if (name === undefined) throw new Skipped(`there is no such ${part}`);
  await site.kubectl('-n', SYSTEM, 'delete', 'pod', name, '--grace-period=0', '--force', '--wait=false');
}

export function killOperator(site: ChaosSite, which: 'leader' | 'other'): Promise<void> {
  return kill(site, 'operator', async (names) => {
    const get = ['get', 'lease', 'weft-operator', '-o', 'jsonpath={.spec.holderIdentity}'];
    const leader = await site.kubectl('-n', SYSTEM, ...get);
    return names.find((name) => (name === leader) === (which === 'leader'));
  });
}

export const killInjector = (site: ChaosSite): Promise<void> =>
  kill(site, 'injector', async ([first]) => first);

/** Without any replica of it for so long, in which `meanwhile` is done. */
export async function away(
  site: ChaosSite,
  part: Part,
  seconds: number,
  meanwhile: () => Promise<unknown>,
): Promise<void> {
  try {
    await site.kill(part);
    await meanwhile();
    await delay(seconds * 1_000);
  } finally {
    await site.restore(part);
  }
}

export async function apiServerAway(
  site: ChaosSite,
  seconds: number,
  meanwhile: () => Promise<unknown>,
): Promise<void> {
  try {
    await site.cluster.stopApiServer();
    await meanwhile();
    await delay(seconds * 1_000);
  } finally {
    await site.cluster.startApiServer();
  }
}

/** A pod is wanted that nobody can put a sidecar into: it comes when somebody can, and never without. */
export async function newPodWithoutInjector(site: ChaosSite, of: Deployment, seconds: number): Promise<void> {
  try {
    await away(site, 'injector', seconds, () => site.scale(of, REPLICAS + 1, SHOP));
    await site.rolledOut(of, SHOP);
  } finally {
    await site.scale(of, REPLICAS, SHOP);
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { containerNamed } from '../../cluster/lifecyclesite.ts';
import { waitUntil } from '../../cluster/scenario.ts';
import type { ChaosSite, ShopPod } from '../chaossite.ts';
import { type Deployment, REPLICAS, SHOP } from '../shop/shop.ts';

/** Why something was not done: it would have been more than the shop is promised to bear. */
export class Skipped extends Error {}

const WHOLE_WITHIN_MS = 60_000;

/** One pod of a deployment that has another which serves; told once there is. */
export async function victim(site: ChaosSite, of: Deployment): Promise<ShopPod> {
  let found: readonly ShopPod[] = [];
  const hasTwo = async () => {
    found = await site.serving(of);
    return found.length >= REPLICAS;
  };
  await waitUntil(`two of ${of}`, hasTwo, WHOLE_WITHIN_MS).catch(() => {
    throw new Skipped(`${found.length} of ${of} serve`);
  });
  return found[0]!;
}

/** Chooses the pod now, and kills later, when nobody may be there to ask. */
export async function killing(
  site: ChaosSite,
  of: Deployment,
  container: 'app' | 'weft-sidecar',
): Promise<() => Promise<void>> {
  const chosen = await victim(site, of);
  const found = containerNamed(await site.containers(chosen), container);
  return () => site.signal(found, 'SIGKILL');
}

export async function deletePod(site: ChaosSite, of: Deployment): Promise<void> {
  const { name } = (await victim(site, of)).metadata;
  await site.kubectl('-n', SHOP, 'delete', 'pod', name, '--grace-period=0', '--force', '--wait=false');
}

export async function scaleAndBack(site: ChaosSite, of: Deployment, to: number): Promise<void> {
  try {
    await site.scale(of, to, SHOP);
    await site.rolledOut(of, SHOP);
    await delay(2_000);
  } finally {
    await site.scale(of, REPLICAS, SHOP);
  }
}

/** Packets to one pod are dropped, by the node, which tells nobody. */
export async function dropPackets(
  site: ChaosSite,
  of: Deployment,
  seconds: number,
  which: readonly string[] = [],
): Promise<void> {
  const rule = ['FORWARD', '-o', await site.wire(await victim(site, of)), ...which, '-j', 'DROP'];
  if ((await site.cluster.nodeExec(['iptables', '-I', ...rule])).code !== 0) {
    throw new Skipped('this kernel does not drop packets like that');
  }
  await delay(seconds * 1_000).finally(() => site.cluster.nodeExecOk(['iptables', '-D', ...rule]));
}
export const ONE_IN_TWENTY = ['-m', 'statistic', '--mode', 'random', '--probability', '0.05'];

import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosSite } from '../chaossite.ts';
import { canary, flapping } from '../shop/manifests.ts';
import { SHOP } from '../shop/shop.ts';
import { Skipped } from './pods.ts';

const UP_MS = 700;

export async function flapPolicy(site: ChaosSite, times: number): Promise<void> {
  const names = ['flapping-deny', 'flapping-audit'];
  const remove = () => site.kubectl('-n', SHOP, 'delete', 'meshpolicy', ...names, '--ignore-not-found');
  try {
    for (let i = 0; i < times; i++) {
      await site.apply(...flapping());
      await delay(UP_MS);
      await remove();
    }
  } finally {
    await remove();
  }
}

export async function shiftCanary(site: ChaosSite, weights: readonly [number, number]): Promise<void> {
  await site.apply(canary(weights));
}

/** The authority keeps beside its keys when the root is to be followed by another. */
export async function rotateRoot(site: ChaosSite): Promise<void> {
  const secret = ['-n', 'weft-system', 'get', 'secret', 'weft-ca', '-o', 'jsonpath={.data.rotation\\.json}'];
  const stored = Buffer.from(await site.kubectl(...secret), 'base64').toString();
  const state = JSON.parse(stored) as { readonly phase: string };
  if (state.phase !== 'Steady') throw new Skipped(`the root is being rotated: ${state.phase}`);
  const due = Buffer.from(JSON.stringify({ ...state, rotateAtMs: Date.now() })).toString('base64');
  const patch = JSON.stringify({ data: { 'rotation.json': due } });
  await site.kubectl('-n', 'weft-system', 'patch', 'secret', 'weft-ca', '--type=merge', '-p', patch);
}

import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosSite } from '../chaossite.ts';
import { type Action, type Meanwhile, plannedSeconds } from '../schedule/actions.ts';
import { SHOP } from '../shop/shop.ts';
import { apiServerAway, away, killInjector, killOperator, newPodWithoutInjector } from './controlplane.ts';
import { flapPolicy, rotateRoot, shiftCanary } from './mesh.ts';
import { deletePod, dropPackets, killing, ONE_IN_TWENTY, scaleAndBack } from './pods.ts';

/** Does it, and is done when the cluster does not suffer from it any more, as far as we make it. */
export async function perform(site: ChaosSite, action: Action): Promise<void> {
  switch (action.kind) {
    case 'calm':
      return delay(plannedSeconds(action) * 1_000);
    case 'rollout':
      return site.rollOut(action.of, SHOP);
    case 'scale':
      return scaleAndBack(site, action.of, action.to);
    case 'kill-app':
    case 'kill-sidecar':
      return (await chosen(site, action))();
    case 'delete-pod':
      return deletePod(site, action.of);
    case 'cut':
      return dropPackets(site, action.of, action.seconds);
    case 'loss':
      return dropPackets(site, action.of, action.seconds, ONE_IN_TWENTY);
    case 'kill-operator':
      return killOperator(site, action.which);
    case 'kill-injector':
      return killInjector(site);
    case 'operator-away':
      return away(site, 'operator', action.seconds, await chosen(site, action.meanwhile));
    case 'api-server-away':
      return apiServerAway(site, action.seconds, await chosen(site, action.meanwhile));
    case 'injector-away':
      return newPodWithoutInjector(site, action.of, action.seconds);
    case 'flap-policy':
      return flapPolicy(site, action.times);
    case 'canary':
      return shiftCanary(site, action.weights);
    case 'rotate-root':
      return rotateRoot(site);
  }
}

/** Whom it is to befall is chosen now. */
async function chosen(site: ChaosSite, action: Meanwhile): Promise<() => Promise<void>> {
  if (action.kind === 'calm') return () => Promise.resolve();
  return killing(site, action.of, action.kind === 'kill-app' ? 'app' : 'weft-sidecar');
}

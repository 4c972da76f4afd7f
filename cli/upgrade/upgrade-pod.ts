import type { MeshedPod } from './meshed-pod.ts';
import type { PlannedPod } from './plan.ts';
import type { UpgradePorts } from './ports.ts';

export type Outcome =
  | { readonly outcome: 'Upgraded'; readonly tookMs: number }
  | { readonly outcome: 'Gone' }
  /** as before: nothing was changed, or the old image is back and ready */
  | { readonly outcome: 'Kept'; readonly reason: string }
  | { readonly outcome: 'Failed'; readonly reason: string };

const EVERY_MS = 250;
/** Three probes of readiness, two seconds apart, on a node that is busy; the sidecar stays withdrawn twice as long. */
const WITHDRAWN_MS = 60_000;
/** Callers hear of an endpoint that is not ready within this. */
const SETTLE_MS = 2_000;
/** Where no other pod answers: so long connections get to end, while the pod is still ready. */
const ALONE_MS = 1_000;
/** The kubelet goes on trying, but not soon enough. */
const HOPELESS =
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|CreateContainer\w*Error)/;
const GONE = Symbol('the pod is gone');
type Found<T> = T | typeof GONE;

/** One sidecar: withdrawn, replaced, and ready again with the stream up; or as it was. */
export async function upgradePod(
  { pod, hasPeer }: PlannedPod,
  image: string,
  timeoutMs: number,
  ports: UpgradePorts,
): Promise<Outcome> {
  const startMs = ports.nowMs();
  try {
    // it is asked by its name, which another may have by now
    if ((await ports.look(pod)) === undefined) return { outcome: 'Gone' };
    await withdraw(pod, ports);
    if (!hasPeer) await ports.delay(ALONE_MS);
    else {
      if ((await until(pod, ({ ready }) => !ready, 'to be withdrawn', WITHDRAWN_MS, ports)) === GONE)
        return { outcome: 'Gone' };
      await ports.delay(SETTLE_MS);
    }
  } catch (error) {
    return { outcome: 'Kept', reason: wordsOf(error) };
  }
  try {
    if ((await replace(pod, image, timeoutMs, ports)) === GONE) return { outcome: 'Gone' };
    return { outcome: 'Upgraded', tookMs: ports.nowMs() - startMs };
  } catch (error) {
    return rollBack(pod, wordsOf(error), timeoutMs, ports);
  }
}

/** A sidecar that is older than this question drains, which is as good as long as it is replaced. */
async function withdraw(pod: MeshedPod, ports: UpgradePorts): Promise<void> {
  try {
    await ports.ask(pod, { method: 'POST', path: '/withdraw' });
  } catch (error) {
    if (!/does not know this question/.test(wordsOf(error))) throw error;
    await ports.ask(pod, { method: 'POST', path: '/drain' });
  }
}

async function replace(
  pod: MeshedPod,
  image: string,
  timeoutMs: number,
  ports: UpgradePorts,
): Promise<Found<void>> {
  const deadlineMs = ports.nowMs() + timeoutMs;
  await ports.setImage(pod, image, false);
  const isBack = (now: MeshedPod) => {
    if (now.waiting !== undefined && HOPELESS.test(now.waiting)) throw new Error(now.waiting);
    return now.containerId !== pod.containerId && now.sidecarReady && now.ready;
  };
  const back = await until(pod, isBack, 'to be ready again', timeoutMs, ports);
  if (back === GONE) return GONE;
  await untilConnected(back, deadlineMs, ports);
}

/** The stream is up and what came over it is in force. */
async function untilConnected(pod: MeshedPod, deadlineMs: number, ports: UpgradePorts): Promise<void> {
  let said = 'it did not answer';
  do {
    const config = (await ports.ask(pod, { method: 'GET', path: '/config' }).catch((error: unknown) => {
      said = wordsOf(error);
    })) as { stream?: unknown; ready?: unknown; rejected?: { stream?: unknown } } | undefined;
    const isRefused = config?.rejected?.stream !== 0;
    if (config?.stream === 'up' && config.ready === true && !isRefused) return;
    if (config?.stream === 'up' && isRefused) said = 'it refuses its configuration';
    else if (config !== undefined) said = 'its stream to the operator is not up';
    await ports.delay(EVERY_MS);
  } while (ports.nowMs() < deadlineMs);
  throw new Error(`the new sidecar is not connected: ${said}`);
}

async function rollBack(
  pod: MeshedPod,
  reason: string,
  timeoutMs: number,
  ports: UpgradePorts,
): Promise<Outcome> {
  try {
    await ports.setImage(pod, pod.image, false);
    const isBack = (now: MeshedPod) => now.image === pod.image && now.sidecarReady && now.ready;
    const back = await until(pod, isBack, 'to be ready with the old image', timeoutMs, ports);
    return back === GONE ? { outcome: 'Gone' } : { outcome: 'Kept', reason };
  } catch (error) {
    return { outcome: 'Failed', reason: `${reason}; the old image is not back: ${wordsOf(error)}` };
  }
}

async function until(
  pod: MeshedPod,
  holds: (now: MeshedPod) => boolean,
  what: string,
  withinMs: number,
  ports: UpgradePorts,
): Promise<Found<MeshedPod>> {
  const deadlineMs = ports.nowMs() + withinMs;
  let waiting = '';
  do {
    const now = await ports.look(pod);
    if (now === undefined) return GONE;
    if (holds(now)) return now;
    waiting = now.waiting === undefined ? '' : ` (${now.waiting})`;
    await ports.delay(EVERY_MS);
  } while (ports.nowMs() < deadlineMs);
  throw new Error(`waited ${Math.round(withinMs / 1000)} s for it ${what}${waiting}`);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

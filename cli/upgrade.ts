import type { Command } from 'commander';
import { durationMs } from '../api/duration.ts';
import { DEFAULT_CONTROL_PLANE_NAMESPACE } from '../api/names.ts';
import { type AccessFlags, allNamespacesOption, withAccessFlags } from './access/flags.ts';
import { type Format, formatOption } from './analysis/flags.ts';
import { printAs } from './analysis/print.ts';
import { printable } from './analysis/printable.ts';
import { ClusterPorts } from './upgrade/cluster-ports.ts';
import { planUpgrade, type UpgradePlan } from './upgrade/plan.ts';
import { pullOn } from './upgrade/pull.ts';
import { described, upgradeAll } from './upgrade/upgrade-all.ts';
import { podText, type UpgradedPod, upgradeText } from './upgrade/upgrade-text.ts';
import { UsageError } from './usage-error.ts';

interface Flags extends AccessFlags {
  readonly output: Format;
  readonly controlPlaneNamespace: string;
  readonly selector?: string;
  readonly image?: string;
  readonly parallel: string;
  readonly timeout: string;
  readonly allowGap?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
Only the sidecar's container is replaced; the app's go on. One pod of a workload at a time is taken out of its Services,
gets the image, and is waited for until it is ready and connected to the operator. The first that does not take it gets
its old image back and ends the upgrade.

Exit codes: 0 all have the image, 1 one did not take it, or the cluster cannot be read or changed, 2 not asked rightly,
3 some were left: they are not ready, or alone.`;
const LEFT = 3;
const TIMEOUT_MAX_MS = 3_600_000;
const PARALLEL_MAX = 32;

/** `weft upgrade sidecars`: another image into pods that go on running. */
export function addUpgrade(program: Command): void {
  const command = program
    .command('upgrade')
    .description('a new version where the old one runs')
    .command('sidecars')
    .description('replace the sidecars of running pods, without restarting the pods')
    .option('--image <image>', 'to this one (default: the one that new pods get)')
    .option('-l, --selector <labels>', 'only pods with these labels: app=web')
    .option('--dry-run', 'tell what would be done, and ask the API server whether it may be')
    .option('--allow-gap', 'also pods whose workload has no other ready pod: their callers fail meanwhile')
    .option('--parallel <count>', 'so many workloads at the same time', '1')
    .option('--timeout <duration>', 'for one sidecar to be ready again', '2m')
    .addOption(allNamespacesOption())
    .addOption(formatOption())
    .option('--control-plane-namespace <name>', 'where Weft is installed', DEFAULT_CONTROL_PLANE_NAMESPACE)
    .addHelpText('after', HELP);
  withAccessFlags(command).action(async (flags: Flags) => {
    process.exitCode = await upgrade(flags);
  });
}

async function upgrade(flags: Flags): Promise<number> {
  if (flags.folder !== undefined) {
    throw new UsageError('a mesh without Kubernetes has no images', 'end its weft run and start the new one');
  }
  const timeoutMs = timeoutOf(flags.timeout);
  const parallel = parallelOf(flags.parallel);
  // the Kubernetes client is large
  const { KubernetesAccess } = await import('./access/kubernetes-access.ts');
  const access = await KubernetesAccess.open(flags);
  const ports = new ClusterPorts(access);
  const injected = await ports.injected(flags.controlPlaneNamespace);
  const image = flags.image ?? injected.image;
  if (image === undefined) throw new UsageError('the injector has no image', '--image names one');
  const namespace = flags.allNamespaces ? undefined : (flags.namespace ?? access.namespace);
  const found = await ports.pods(namespace, flags.selector);
  const plan = planUpgrade(found, image, flags.allowGap ?? false);
  const planned = plan.workloads.flat();
  // before anything is changed: may it be, and is the image there
  for (const { pod } of planned) await ports.setImage(pod, image, true);
  let results: UpgradedPod[] = planned.map(({ pod }) => ({ ...described(pod), outcome: 'Planned' }));
  if (!flags.dryRun) {
    const { pullSecrets } = injected;
    for (const node of new Set(planned.map(({ pod }) => pod.node))) {
      progress(`pulling ${image} on ${node}`);
      const namespace = flags.controlPlaneNamespace;
      await pullOn(node, { image, namespace, pullSecrets, timeoutMs }, access.client);
    }
    let done = 0;
    const onPod = (pod: UpgradedPod) => progress(`${++done} of ${planned.length}: ${podText(pod)}`);
    results = await upgradeAll(plan, { image, timeoutMs, parallel, onPod }, ports);
  }
  const view = { image, dryRun: flags.dryRun ?? false, pods: [...results, ...untouched(plan)] };
  printAs(flags.output, view, () => upgradeText(view));
  if (results.some(({ outcome }) => outcome === 'Kept' || outcome === 'Failed')) return 1;
  return plan.left.length > 0 ? LEFT : 0;
}

function progress(text: string): void {
  console.error(printable(`weft: ${text}`));
}

function untouched({ left, current }: UpgradePlan): UpgradedPod[] {
  return [
    ...left.map(({ pod, reason }) => ({ ...described(pod), outcome: 'Left' as const, reason })),
    ...current.map((pod) => ({ ...described(pod), outcome: 'Current' as const })),
  ];
}

function timeoutOf(text: string): number {
  const ms = durationMs(text);
  if (ms > 0 && ms <= TIMEOUT_MAX_MS) return ms;
  throw new UsageError(`--timeout ${text} is not valid`, 'write 90s or 2m, at most 1h');
}

function parallelOf(text: string): number {
  const count = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= PARALLEL_MAX) return count;
  throw new UsageError(`--parallel ${text} is not valid`, `give a count, at most ${PARALLEL_MAX}`);
}

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContainerStatus, LifecycleSite, PARTS } from '../cluster/lifecyclesite.ts';
import type { Pod } from '../cluster/scenario.ts';
import { clients, namespaces, policies, servers } from './shop/manifests.ts';
import { DEPLOYMENTS, type Deployment, SHOP, STREET, serviceOf } from './shop/shop.ts';

/** The shortest that the operator takes: leaves are renewed every five minutes. */
const LEAF_LIFETIME = 'certificates.lifetime=10m';
const REMOVAL = ['delete', 'namespace', SHOP, STREET, '--ignore-not-found', '--timeout=180s'];

/** A machine that is busy with other things takes its time. */
const LONG = '--timeout=600s';

export interface ShopPod extends Pod {
  readonly metadata: Pod['metadata'] & { readonly deletionTimestamp?: string };
  readonly status: Pod['status'] & {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

/** A cluster with Weft and the shop, and a folder of the node in which everybody writes down what they do. */
export class ChaosSite extends LifecycleSite {
  readonly records = mkdtempSync(join(tmpdir(), 'weft-chaos-'));

  override async fill(): Promise<void> {
    if (!this.cluster.local) throw new Error('chaos needs the node: unset KUBECONFIG');
    chmodSync(this.records, 0o777);
    // of a run that was killed
    await this.kubectl(...REMOVAL);
    this.atEnd(() => this.kubectl(...REMOVAL));
    await this.installWeft([LEAF_LIFETIME]);
    await this.apply(...namespaces());
    await this.apply(...policies());
    await this.apply(...servers(this.records));
    await this.whole();
    await this.inForce();
  }

  /** Customers and others come. */
  async open(): Promise<void> {
    await this.apply(...clients(this.records));
    await this.kubectl('-n', SHOP, 'rollout', 'status', 'deployment', LONG);
    await this.kubectl('-n', STREET, 'rollout', 'status', 'deployment', LONG);
  }

  /** They go, each when what it has asked for is answered. */
  endLoad(): void {
    writeFileSync(join(this.records, 'stop'), '');
  }

  forgetRecords(): void {
    rmSync(this.records, { recursive: true, force: true });
  }

  /** Until operator and injector are as they should be. */
  async controlPlane(): Promise<void> {
    for (const part of PARTS) {
      await this.kubectl('-n', 'weft-system', 'rollout', 'status', `deployment/weft-${part}`, LONG);
    }
  }

  /** Until every deployment is as it should be. */
  async whole(): Promise<void> {
    for (const each of DEPLOYMENTS) {
      await this.kubectl('-n', SHOP, 'rollout', 'status', `deployment/${each}`, LONG);
    }
  }

  async inForce(): Promise<void> {
    const wait = ['wait', 'meshpolicy', '--all', '--for=condition=InForce', LONG];
    await this.kubectl('-n', SHOP, ...wait);
  }

  async shopPods(selector = ''): Promise<readonly ShopPod[]> {
    const get = ['-n', SHOP, 'get', 'pods', '-l', selector, '-o', 'json'];
    return (JSON.parse(await this.kubectl(...get)) as { items: ShopPod[] }).items;
  }

  /** Those that serve, the least restarted first: the kubelet lets a container wait longer each time. */
  async serving(of: Deployment): Promise<readonly ShopPod[]> {
    const [, version] = of.split('-');
    const selector = `app=${serviceOf(of)}${version === undefined ? '' : `,version=${version}`}`;
    const pods = (await this.shopPods(selector)).filter(isServing);
    return pods.sort(
      (a, b) => restartsOf(a) - restartsOf(b) || a.metadata.name.localeCompare(b.metadata.name),
    );
  }
}

export const restartsOf = ({ status }: ShopPod): number =>
  [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].reduce(
    (sum, { restartCount }) => sum + restartCount,
    0,
  );

const isServing = ({ metadata, status }: ShopPod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

import { X509Certificate } from 'node:crypto';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { type Generator, OUTSIDE_LOAD, outsideLoad } from './h2load.fixture.ts';
import { sidecarImage } from './injectionwatch.ts';
import { client, type StreamName, server } from './lifecycle.fixture.ts';
import { assertNoneFailed, tell } from './load.ts';
import { LoadSite } from './loadsite.ts';
import { namespace } from './policies.fixture.ts';
import { meshPolicy } from './policyroom.ts';
import { loadPrevious, type PreviousWeft } from './previous.ts';
import { IMAGE, installWeft, loadImages, TAG, waitUntil } from './scenario.ts';

/** Where the tests of upgrades have their workloads. */
export const UPGRADE = 'upgrade';
export const SYSTEM = 'weft-system';

const RELEASE = ['weft', '-n', SYSTEM];
/** Rollouts of apps are not what these tests are about: on a busy machine callers may hear of them late. */
export const DELAY_SECONDS = 8;
const SETTINGS = ['--set', `injector.terminationDelaySeconds=${DELAY_SECONDS}`];
const DEBUG = ['--set', 'operator.logLevel=debug'];
const WAIT = ['--wait', '--timeout', '180s'];
const SERVERS = ['api', 'wide'] as const;
const CLIENTS = ['load', 'caller'] as const;
const CALLED = ['api', 'posts', 'wide'] as const satisfies readonly StreamName[];

export type AppName = (typeof SERVERS)[number] | (typeof CLIENTS)[number] | typeof OUTSIDE_LOAD;
export const APPS: readonly AppName[] = [...SERVERS, ...CLIENTS, OUTSIDE_LOAD];

/** Nor how fast a busy machine shakes hands: callers wait for a connection, which is a second otherwise. */
const patience = (name: string): object => {
  const spec: MeshPolicySpec = {
    ...{ target: { kind: 'Service', name }, traffic: { timeout: { connect: '8s' } } },
  };
  return { ...meshPolicy(name, spec), metadata: { name: `${name}-patience`, namespace: UPGRADE } };
};

const patientServer = (name: string): object[] => server(UPGRADE, name, { probeTimeoutSeconds: 10 });

/** A cluster with the Weft of an earlier version, two servers, and two clients that call both without pause. */
export class UpgradeSite extends LoadSite {
  override readonly namespace = UPGRADE;
  /** in the version that the apps speak: sidecars of the version before, and none, translate nothing */
  override readonly generators = SERVERS.map((service): Generator => ({ service, version: 'h1' }));
  previous!: PreviousWeft;

  override async fill(): Promise<void> {
    const wasThere = await this.isInstalled();
    if (wasThere) await this.uninstall();
    await this.claim(UPGRADE);
    this.atEnd(async () => {
      if (await this.isInstalled()) await this.uninstall();
      if (wasThere) await installWeft(this.cluster);
    });
    await loadImages(this.cluster);
    this.previous = await loadPrevious(this.cluster);
    await this.install(this.previous.chart, this.previous.tag);
    await this.apply(namespace(UPGRADE, true), ...SERVERS.flatMap(patientServer));
    await this.apply(...SERVERS.map(patience));
    await this.apply(...CLIENTS.map((name) => client(UPGRADE, name, CALLED, 1)));
    for (const each of [...SERVERS, ...CLIENTS]) await this.rolledOut(each);
    await this.apply(outsideLoad(UPGRADE, this.generators));
    await this.rolledOut(OUTSIDE_LOAD);
  }

  override async close(): Promise<void> {
    this.previous?.remove();
    await super.close();
  }

  /** The sidecars of the version before, and of this one. */
  get oldSidecar(): string {
    return `${IMAGE}:${this.previous.tag}`;
  }
  readonly newSidecar = `${IMAGE}:${TAG}`;

  async isInstalled(): Promise<boolean> {
    return (await this.cluster.helm(['status', ...RELEASE])).code === 0;
  }

  install(chart = 'helm/weft', tag = TAG): Promise<string> {
    const image = ['--set', `image.repository=${IMAGE}`, '--set-string', `image.tag=${tag}`];
    return this.cluster.helmOk([
      ...['install', 'weft', chart, '-n', SYSTEM, '--create-namespace'],
      ...[...image, ...SETTINGS, ...DEBUG, ...WAIT],
    ]);
  }

  /** As the guide has it: all that was said at the installation stays. */
  upgrade(): Promise<string> {
    const tag = ['--reset-then-reuse-values', '--set-string', `image.tag=${TAG}`];
    return this.cluster.helmOk(['upgrade', 'weft', 'helm/weft', '-n', SYSTEM, ...tag, ...WAIT]);
  }

  goBack(): Promise<string> {
    return this.cluster.helmOk(['rollback', 'weft', '1', '-n', SYSTEM, ...WAIT]);
  }

  uninstall(): Promise<string> {
    return this.cluster.helmOk(['uninstall', ...RELEASE, ...WAIT]);
  }

  /** What the installation was told, at whatever time. */
  async values(): Promise<{ readonly injector: { readonly terminationDelaySeconds: number } }> {
    return JSON.parse(await this.cluster.helmOk(['get', 'values', ...RELEASE, '-o', 'json']));
  }

  /** Replaces the pods of these apps, and waits until those of before are gone. */
  async replace(...names: AppName[]): Promise<void> {
    await Promise.all(names.map((name) => this.rollOut(name)));
    for (const name of names) {
      await waitUntil(`the earlier pod of ${name} to go`, async () => (await this.pods(name)).length === 1);
    }
  }

  /** The image of each app's sidecar; undefined: it has none. */
  async sidecars(): Promise<Partial<Record<AppName, string | undefined>>> {
    const pods = await Promise.all(APPS.map(async (name) => [name, (await this.pods(name))[0]!] as const));
    return Object.fromEntries(pods.map(([name, pod]) => [name, sidecarImage(pod)]));
  }

  async pods(name: AppName): Promise<Parameters<typeof sidecarImage>[0][]> {
    const { items } = JSON.parse(
      await this.kubectl('-n', UPGRADE, 'get', 'pods', '-l', `app=${name}`, '-o', 'json'),
    );
    return items;
  }

  /** What the clients notice of this: nothing. One that is replaced meanwhile counts from its start on. */
  async nothingFelt(t: TestContext, work: () => Promise<unknown>): Promise<void> {
    for (const name of CLIENTS) await this.beginAnew(CALLED, name);
    const window = await this.watchOutside(CALLED);
    await delay(500);
    t.diagnostic(`took ${await this.timed(work)} ms`);
    await delay(500);
    const outside = await window.close();
    for (const name of CLIENTS) {
      // said once
      const load = { ...(await this.load(name)), outside: name === 'load' ? outside : {} };
      t.diagnostic(`seen by ${name}:`);
      tell(t, load, ...CALLED);
      assertNoneFailed(load, ...CALLED);
    }
  }

  /** Until when the certificate is good that an operator has laid down for this app: as in the log of its sidecar. */
  async certificateUntil(name: AppName): Promise<string> {
    const get = ['get', 'secret', await this.secretOf(name), '-o', 'jsonpath={.data.tls\\.crt}'];
    const pem = Buffer.from(await this.kubectl('-n', UPGRADE, ...get), 'base64');
    return new X509Certificate(pem).validToDate.toISOString();
  }

  /** The Secret of an app's sidecar. */
  async secretOf(name: AppName): Promise<string> {
    const path = 'jsonpath={.items[0].metadata.annotations.weft\\.dev/proxy}';
    return `weft-proxy-${await this.kubectl('-n', UPGRADE, 'get', 'pods', '-l', `app=${name}`, '-o', path)}`;
  }

  sidecarLog(name: AppName): Promise<string> {
    return this.kubectl('-n', UPGRADE, 'logs', `deployment/${name}`, '-c', 'weft-sidecar');
  }
}

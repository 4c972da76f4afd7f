import { isIPv6 } from 'node:net';
import { selfSigned } from '../../injector/certificate.fixture.ts';
import { ClusterSite } from './clustersite.ts';
import {
  namespace,
  OPEN,
  OPEN_PORT,
  OUTSIDE,
  STRICT,
  STRICT_POLICY,
  workloads,
} from './injection.fixture.ts';
import { waitUntil } from './scenario.ts';

const NAMESPACES = [STRICT, OPEN, OUTSIDE];

/** As much of a pod's status as the tests look at. */
export interface PodState {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>>; readonly uid: string };
  readonly spec: { readonly initContainers?: readonly { readonly name: string }[] };
  readonly status: {
    readonly phase: string;
    readonly reason?: string;
    readonly podIP: string;
    readonly podIPs: readonly { readonly ip: string }[];
    readonly hostIP: string;
    readonly containerStatuses?: readonly ContainerState[];
    readonly initContainerStatuses?: readonly ContainerState[];
  };
}
interface ContainerState {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
}

/** What an app of the fixture answers. */
export interface Echo {
  readonly pod: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: string;
  readonly from: string;
}

/** A cluster with Weft, in which pods of every kind start at the same time; without them again in the end. */
export class InjectionSite extends ClusterSite {
  override async fill(): Promise<void> {
    await this.claim(...NAMESPACES);
    await this.installWeft();
    await this.apply(...NAMESPACES.map(namespace), STRICT_POLICY, OPEN_PORT);
    await this.#untilInjecting();
    await this.apply(...workloads(await selfSigned()));
  }

  /**
   * Where Weft was installed before, the injector has its certificate at once, and the new webhook the roots for it once
   * an operator leads: until then the API server does not believe the injector.
   */
  #untilInjecting(): Promise<void> {
    const args = ['-n', STRICT, 'run', 'try', '--image=none', '--dry-run=server', '-o', 'json'];
    const isInjected = async () => (await this.kubectl(...args)).includes('weft-sidecar');
    return waitUntil('the webhook to be believed', isInjected, 120_000);
  }

  /** Waits as long as a busy machine needs to start everything at once. */
  async ready(where: string, ...names: string[]): Promise<void> {
    await this.kubectl('-n', where, 'wait', '--for=condition=Ready', '--timeout=300s', ...names);
  }

  /** The pod's address of the second family, in the brackets of a URL; undefined where the cluster has one. */
  async ipv6Of(where: string, name: string): Promise<string | undefined> {
    const { podIPs } = (await this.pod(where, name)).status;
    const found = podIPs.find(({ ip }) => isIPv6(ip));
    return found && `[${found.ip}]`;
  }

  async pod(where: string, name: string): Promise<PodState> {
    return JSON.parse(await this.kubectl('-n', where, 'get', 'pod', name, '-o', 'json'));
  }

  /** Of the Deployment, whose pod has no name that is known before. */
  async echo(): Promise<string> {
    const name = await this.kubectl('-n', STRICT, 'get', 'pods', '-l', 'app=echo', '-o', 'name');
    return name.trim().replace('pod/', '');
  }

  /** curl in a container of the pod: what it printed, or its exit code where it failed. */
  async curl(where: string, pod: string, ...args: string[]): Promise<string> {
    const container = args[0] === '-c' ? args.splice(0, 2) : ['-c', 'app'];
    const curl = ['curl', '--silent', '--globoff', '--max-time', '10', ...args];
    const { stdout, code } = await this.cluster.kubectl([
      '-n',
      where,
      'exec',
      pod,
      ...container,
      '--',
      ...curl,
    ]);
    return code === 0 ? stdout : `curl: ${code} ${stdout}`;
  }

  /** The answer of an app of the fixture; throws what came instead. */
  async ask(from: string, url: string): Promise<Echo> {
    const text = await this.curl(STRICT, from, url);
    try {
      return JSON.parse(text) as Echo;
    } catch {
      throw new Error(`${from} got from ${url}: ${text}`);
    }
  }

  /** How often the echo was called with this note. */
  async noted(note: string): Promise<number> {
    return Number(await this.curl(STRICT, await this.echo(), `http://127.0.0.1:8080/seen/${note}`));
  }

  /** Looks for the private key of the sidecar through each process that is seen; gives all that was printed. */
  async stealKey(container: string): Promise<string> {
    const script = 'for each in /proc/[0-9]*; do cat $each/root/var/run/weft/proxy/tls.key; done 2>&1';
    const exec = ['-n', STRICT, 'exec', 'binds', '-c', container, '--', 'sh', '-c', script];
    const { stdout } = await this.cluster.kubectl(exec);
    if (stdout.includes('PRIVATE KEY')) throw new Error(`${container} reads the private key of the sidecar`);
    return stdout;
  }

  async hasSecret(proxyId: string): Promise<boolean> {
    return (await this.cluster.kubectl(['-n', STRICT, 'get', 'secret', `weft-proxy-${proxyId}`])).code === 0;
  }
}

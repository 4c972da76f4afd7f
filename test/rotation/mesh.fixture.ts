import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as operatorClock } from '../../operator/clock.ts';
import type { Log } from '../../operator/log.ts';
import { Operator } from '../../operator/operator.ts';
import type { Platform } from '../../operator/platform.ts';
import { createFilesPlatform } from '../../operator/platforms/files.ts';
import { systemClock } from '../../sidecar/control/clock.ts';
import { createDataPath, type DataPath } from '../../sidecar/data-path.ts';
import { SILENT } from '../../sidecar/log.ts';
import { readSettings } from '../../sidecar/settings.ts';
import { Sidecar } from '../../sidecar/sidecar.ts';
import { freePorts } from '../free-ports.ts';
import { Kubelet, Relay } from './pod.fixture.ts';

export const LEAF_MS = 6_000;
/** Its successor is made four lifetimes of leaves before its end. */
const ROOT_MS = 5 * LEAF_MS;
const NAMES = ['web', 'api', 'far'] as const;
type Name = (typeof NAMES)[number];

interface Place {
  readonly inbound: number;
  readonly app: number;
  readonly admin: number;
}
interface Pod {
  readonly sidecar: Sidecar;
  readonly dataPath: DataPath;
  readonly kubelet: Kubelet;
  readonly relay: Relay;
}
export interface MeshOptions {
  /** what the operators get instead of the platform */
  readonly wrap?: (platform: Platform) => Platform;
  readonly rootMs?: number;
  readonly leafMs?: number;
  /** between two requests */
  readonly pauseMs?: number;
}
export interface Tally {
  answered: number;
  /** what came instead of an answer of the app */
  readonly failures: string[];
}

/**
 * An operator on a folder and three sidecars with apps that answer 200, over loopback. Every request makes a new
 * connection, so whatever a handshake has against it shows at once. Each sidecar has a mount of its own, kept as
 * a kubelet would, and a way of its own to the operator: both can be cut.
 */
export class RotatingMesh {
  readonly logged: string[] = [];
  readonly pods = new Map<Name, Pod>();
  operator!: Operator;
  /** when the first certificates were issued, or a little later */
  readonly startedMs = Date.now();
  readonly #options: MeshOptions;
  #folder = '';
  #streamPort = 0;
  readonly #apps: HttpServer[] = [];
  readonly #places = new Map<Name, Place>();
  readonly #calls = new Map<string, number>();

  private constructor(options: MeshOptions) {
    this.#options = options;
  }

  static async start(options: MeshOptions = {}): Promise<RotatingMesh> {
    const mesh = new RotatingMesh(options);
    mesh.#folder = await mkdtemp(join(tmpdir(), 'weft-rotation-'));
    await mesh.#document();
    await mesh.startOperator();
    for (const name of NAMES) await mesh.#startPod(name);
    await mesh.until('all sidecars are ready', () =>
      [...mesh.pods.values()].every(({ sidecar }) => sidecar.reasons().length === 0),
    );
    return mesh;
  }

  async startOperator(): Promise<void> {
    const platform = createFilesPlatform({
      ...{ folder: join(this.#folder, 'mesh'), stateFolder: this.stateFolder },
      ...{ clock: operatorClock, log: this.#log },
    });
    this.operator = await Operator.start({
      platform: this.#options.wrap?.(platform) ?? platform,
      ...{ trustDomain: 'cluster.local', controlPlaneNamespace: 'weft-system', clock: operatorClock },
      ...{ listen: { host: '127.0.0.1', port: this.#streamPort }, random: Math.random, log: this.#log },
      ...{
        leafLifetimeMs: this.#options.leafMs ?? LEAF_MS,
        rootLifetimeMs: this.#options.rootMs ?? ROOT_MS,
        rotateRootAfter: 0.99,
      },
    });
    this.#streamPort = Number(this.operator.streamAddress.split(':').at(-1));
  }

  get stateFolder(): string {
    return join(this.#folder, 'state');
  }
  get phase(): string {
    return PHASES[this.operator.metrics().weft_operator_root_rotation_phase ?? -1] ?? 'none';
  }

  get rotationDueMs(): number {
    return 1_000 * (this.operator.metrics().weft_operator_root_rotation_due_timestamp_seconds ?? 0);
  }

  /** Requests between these, one after the other, until `end` is called. */
  load(from: Name, to: Name): { readonly tally: Tally; end(): Promise<void> } {
    const tally: Tally = { answered: 0, failures: [] };
    const port = this.#calls.get(`${from} ${to}`)!;
    const { pauseMs = 2 } = this.#options;
    let ended = false;
    const running = (async () => {
      while (!ended) {
        const outcome = await ask(port);
        if (outcome === '200') tally.answered += 1;
        else tally.failures.push(`${new Date().toISOString()} ${from} → ${to}: ${outcome}`);
        await new Promise((resolve) => setTimeout(resolve, outcome === '200' ? pauseMs : 50));
      }
    })();
    return {
      tally,
      end: () => {
        ended = true;
        return running;
      },
    };
  }

  cut(name: Name): void {
    const { relay, kubelet } = this.pods.get(name)!;
    relay.cut();
    kubelet.cut();
  }
  restore(name: Name): void {
    const { relay, kubelet } = this.pods.get(name)!;
    relay.restore();
    kubelet.restore();
  }
  /** How often sidecars have said that the other end of a handshake was not who it should be. */
  refusals(): number {
    let count = 0;
    for (const { dataPath } of this.pods.values()) {
      for (const line of dataPath.renderMetrics().split('\n')) {
        if (/^weft_errors_total\{.*code="(?:unauthenticated|identity-mismatch)"/.test(line)) {
          count += Number(line.split(' ').at(-1));
        }
      }
    }
    return count;
  }

  async until(what: string, holds: () => boolean, withinMs = 40_000): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!holds()) {
      if (performance.now() > endMs)
        throw new Error(`not within ${withinMs} ms: ${what}\n${this.logged.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    for (const { sidecar, kubelet, relay } of this.pods.values()) {
      await sidecar.stop();
      await kubelet.stop();
      relay.close();
    }
    await this.operator.stop();
    for (const app of this.#apps) {
      app.closeAllConnections();
      await new Promise((resolve) => app.close(resolve));
    }
    // the operator's last writes may still be under way
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  get #log(): Log {
    const note = (data: object, message: string) =>
      void this.logged.push(`${message} ${JSON.stringify(data)}`);
    return { debug() {}, info: note, warn: note, error: note };
  }

  async #document(): Promise<void> {
    const [first, second, ...free] = await freePorts(2 + NAMES.length * 2 + NAMES.length * 2);
    const ports = [first!, second!, ...free];
    for (const name of NAMES) {
      const app = createServer((_incoming, response) => response.end('ok'));
      await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
      this.#apps.push(app);
      const place = { inbound: ports.pop()!, admin: ports.pop()!, app: (app.address() as AddressInfo).port };
      this.#places.set(name, place);
    }
    const documents = NAMES.map((name) => {
      const { inbound, admin, app } = this.#places.get(name)!;
      const outbound = NAMES.filter((other) => other !== name).map((other) => {
        const port = ports.pop()!;
        this.#calls.set(`${name} ${other}`, port);
        return `{port: ${port}, service: ${other}, servicePort: ${this.#places.get(other)!.inbound}}`;
      });
      return `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: ${name}, namespace: shop}
spec:
  serviceAccount: ${name}
  labels: {app: ${name}}
  service: ${name}
  ports: [{name: http, port: ${inbound}, appPort: ${app}, protocol: HTTP}]
  outbound: [${outbound.join(', ')}]
  admin: {port: ${admin}}
`;
    });
    const strict = `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: strict, namespace: shop}
spec: {inbound: {mtls: {mode: Strict}}}
`;
    await mkdir(join(this.#folder, 'mesh'), { recursive: true });
    await writeFile(join(this.#folder, 'mesh', 'mesh.yaml'), [...documents, strict].join('---\n'));
  }

  async #startPod(name: Name): Promise<void> {
    const relay = await Relay.start(this.#streamPort);
    const folder = join(this.#folder, name);
    const from = join(this.stateFolder, 'proxies', `shop-${name}`);
    const kubelet = new Kubelet(from, join(folder, 'mount'), `127.0.0.1:${relay.port}`);
    const settings = readSettings({
      WEFT_PROXY_ID: `shop-${name}`,
      WEFT_PROXY_DIR: join(folder, 'mount'),
      WEFT_STATE_DIR: join(folder, 'state'),
      WEFT_TOKEN_FILE: join(folder, 'token'),
      WEFT_GRACE_SECONDS: '1',
    });
    let dataPath: DataPath | undefined;
    const sidecar = new Sidecar({
      ...{ settings, agent: 'test', clock: systemClock, random: Math.random, log: SILENT },
      createDataPath: (parts) => {
        const limits = { maxIdlePerEndpoint: 0, maxConnectAttempts: 1, connectTimeoutMs: 5_000 };
        dataPath = createDataPath({ ...parts, limits, accessLog: NOWHERE as never });
        return dataPath;
      },
    });
    await kubelet.start();
    await sidecar.start();
    this.pods.set(name, { sidecar, dataPath: dataPath!, kubelet, relay });
  }
}

const PHASES = ['Steady', 'Distributing', 'Renewing', 'Retiring'];
const NOWHERE = { write: () => true, on() {}, once() {}, off() {}, writableLength: 0 };

function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/', agent: false, timeout: 10_000 },
      (response) => {
        response.resume();
        response.on('error', (error) => resolve(error.message));
        response.on('end', () => {
          const error = response.headers['weft-error'];
          resolve(error === undefined ? String(response.statusCode) : `${response.statusCode} ${error}`);
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', (error) => resolve(error.message));
    asked.end();
  });
}

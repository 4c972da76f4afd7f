import { X509Certificate } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../../operator/clock.ts';
import { Authority, createRoot } from '../../../operator/identity/authority.ts';
import { Mesh } from '../../../operator/mesh/mesh.ts';
import type { Change } from '../../../operator/mesh/model.ts';
import { AckTable } from '../../../operator/publish/acks.ts';
import { DestinationCache } from '../../../operator/publish/destination-cache.ts';
import type { Identities } from '../../../operator/publish/identities.ts';
import { Publisher } from '../../../operator/publish/publisher.ts';
import { StatusWriter } from '../../../operator/publish/status-writer.ts';
import { StreamSession } from '../../../operator/publish/stream-session.ts';
import type { StreamSource } from '../../../operator/publish/stream-source.ts';
import { Subscribers } from '../../../operator/publish/subscribers.ts';
import { type App, meshObjects, SETTINGS } from './meshes.ts';
import { Sink, type Written } from './sink.ts';

/** Timers never run out: what is written later (Secrets, statuses) is scheduled and not more. */
const STANDING: Clock = { monotonicMs: () => 0, unixMs: () => NOW_MS, after: () => () => {} };
const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** The operator from changes of the model to lines on the sidecars' streams; everything but the sockets. */
export class OperatorPath {
  readonly mesh = new Mesh(SETTINGS);
  readonly written: Written = { configs: 0, destinations: 0, bytes: 0 };
  readonly statuses: StatusWriter;
  readonly #sessions = new Map<string, StreamSession>();
  readonly #subscribers = new Subscribers<StreamSession>();
  readonly #destinations = new DestinationCache(this.mesh);
  readonly #publisher: Publisher;
  readonly #source: StreamSource;
  readonly #acks = new AckTable(
    () => NOW_MS,
    () => {},
  );

  static async of(apps: readonly App[]): Promise<OperatorPath> {
    const authority = await Authority.load(await createRoot(SETTINGS.trustDomain, NOW_MS));
    const { certificate } = await authority.issue(
      { spiffeId: 'spiffe://cluster.local/ns/a/sa/b', dnsNames: [] },
      NOW_MS,
    );
    const path = new OperatorPath();
    path.apply(meshObjects(apps));
    for (const { pods, calls } of apps) {
      for (const pod of pods) path.#connect(pod, calls, new X509Certificate(certificate));
    }
    return path;
  }

  private constructor() {
    const { mesh } = this;
    const leadership = { isLeader: true, onChange: () => {} } as never;
    const nothing = async () => undefined;
    const platform = { leadership, readProxy: nothing, writeProxy: nothing, removeProxy: nothing };
    // Certificates are made when files are written, which is later.
    const identities = { current: () => undefined, forget() {} } as unknown as Identities;
    const push = {
      configChanged: (key: string) => this.#sessions.get(key)?.configChanged(),
      identityChanged() {},
      gone() {},
      isRenewalDue: () => false,
    };
    const common = { clock: STANDING, random: () => 0.5, log: SILENT };
    const prewarmed = () => undefined;
    this.#publisher = new Publisher({ mesh, platform, identities, push, prewarmed, ...common });
    const written = {
      writeStatus: async () => {},
      storeAccepted: async () => {},
      recordEvent: async () => {},
    };
    this.statuses = new StatusWriter({
      ...{ mesh, publisher: this.#publisher, acks: this.#acks, isReplaying: () => false, ...common },
      platform: { leadership, ...written },
    });
    this.#source = {
      find: (proxyId) => mesh.workloadByProxyId(proxyId),
      config: ({ key }) => this.#publisher.told(key),
      destination: (key, workload) => this.#destinations.get(key, workload),
      identity: () => undefined,
      trust: () => ({ trustBundle: '', roots: [] }),
      ensureIdentity: () => Promise.reject(new Error('no identities here')),
      reviewToken: async () => undefined,
    };
  }

  /** As Operator does it. */
  apply(changes: readonly Change[]): void {
    const dirty = this.mesh.apply(changes);
    this.#destinations.changed(dirty.hosts);
    this.#publisher.refresh(dirty.workloads);
    for (const host of dirty.hosts) {
      for (const session of this.#subscribers.of(host)) session.hostChanged(host);
    }
    for (const key of dirty.consumers) this.#sessions.get(key)?.everyHostChanged();
    this.statuses.refresh(dirty.policies);
    for (const key of dirty.workloads) this.statuses.workloadChanged(key);
    this.mesh.duplicates();
  }

  #connect(key: string, calls: readonly string[], certificate: X509Certificate): void {
    const workload = this.mesh.workload(key)!;
    const proxyId = workload.proxyId!;
    const sink = new Sink(this.written);
    const session = new StreamSession({
      stream: sink as unknown as ServerHttp2Stream,
      peer: { workload, proxyId, certificate },
      ...{
        source: this.#source,
        acks: this.#acks,
        subscribers: this.#subscribers,
        clock: STANDING,
        random: () => 0.5,
        maxAgeMs: 1,
      },
      onOpen: () => this.#sessions.set(key, session),
      onClose() {},
    });
    sink.receive({ type: 'hello', proxyId, agent: 'bench' });
    for (const call of calls) sink.receive({ type: 'subscribe', key: call });
  }
}

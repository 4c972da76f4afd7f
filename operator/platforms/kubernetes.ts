import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { LEASE_NAME } from '../../api/names.ts';
import { type Clock, sleep, systemClock } from '../clock.ts';
import type { IssuerReference } from '../issuer-reference.ts';
import { AcceptedRevisions } from '../kubernetes/accepted-revisions.ts';
import { ApiClient } from '../kubernetes/api-client.ts';
import { CertManager, type CertManagerOptions } from '../kubernetes/cert-manager.ts';
import { EventRecorder } from '../kubernetes/events.ts';
import { findInstallation } from '../kubernetes/installation.ts';
import { LeaderTask } from '../kubernetes/leader-task.ts';
import { LEASE_TIMINGS, LeaseElection, type LeaseTimings } from '../kubernetes/lease.ts';
import { ApiLeaseStore } from '../kubernetes/lease-store.ts';
import type { OwnerReference } from '../kubernetes/objects.ts';
import { KeyedQueue } from '../kubernetes/queue.ts';
import { REFLECTOR_TIMINGS, type ReflectorTimings } from '../kubernetes/reflector.ts';
import { retryTransient } from '../kubernetes/retry.ts';
import { RootSecret } from '../kubernetes/root-secret.ts';
import { ProxySecrets } from '../kubernetes/secrets.ts';
import { PolicyStatuses } from '../kubernetes/status.ts';
import { reviewToken } from '../kubernetes/token-review.ts';
import { publishRotation } from '../kubernetes/trust-bundle.ts';
import { createWatches } from '../kubernetes/watches.ts';
import { type ServingAuthority, WebhookCertificate } from '../kubernetes/webhook-certificate.ts';
import { describeError, type Log } from '../log.ts';
import type { Workload } from '../mesh/model.ts';
import type { Platform, ProxyFiles } from '../platform.ts';

export interface KubernetesPlatformOptions {
  readonly controlPlaneNamespace: string;
  readonly log: Log;
  /** absent: KUBECONFIG, ~/.kube/config, or the pod's own service account */
  readonly kubeConfig?: KubeConfig;
  /** who we are in the Lease: the pod's name; absent: the host's name, which in a pod is the same */
  readonly identity?: string;
  /** who signs instead of the built-in authority */
  readonly issuer?: IssuerReference;
  /** how long it may take for one certificate */
  readonly issuerTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly leaseTimings?: LeaseTimings;
  readonly reflectorTimings?: ReflectorTimings;
}

export interface KubernetesPlatform extends Platform {
  /**
   * From now on the leader keeps the injector's serving certificate, the `caBundle` of its webhooks and the
   * trust bundle it hands to pods right. Call once, when the root is there.
   */
  manageInjector(authority: ServingAuthority): void;
}

/** How often the injector's objects are looked at: `helm upgrade` may have reset the caBundle. */
const INJECTOR_INTERVAL_MS = 15_000;
/** How often what a killed operator has asked for is looked for. */
const SWEEP_INTERVAL_MS = 60_000;
/** How long `stop` waits for writes under way before it gives up the lease. */
const DRAIN_MS = 5_000;

/**
 * Kubernetes as the operator sees it: reflectors bring changes in, and the leader's writes go out through a
 * queue that holds one write a key. The election starts when everything was seen once: a replica that does not
 * know the mesh must not lead it.
 */
export function createKubernetesPlatform(options: KubernetesPlatformOptions): KubernetesPlatform {
  const { controlPlaneNamespace, log, clock = systemClock, random = Math.random } = options;
  const api = new ApiClient(options.kubeConfig ?? defaultKubeConfig());
  const stopping = new AbortController();

  const secrets = new ProxySecrets(api);
  const statuses = new PolicyStatuses(api);
  const revisions = new AcceptedRevisions(api);
  const events = new EventRecorder(api, clock);
  const root = new RootSecret(api, controlPlaneNamespace);

  const writes = new KeyedQueue({ clock, random, concurrency: 16 });
  const reads = new KeyedQueue({ clock, random, concurrency: 8, maxAttempts: 5 });
  const eventWrites = new KeyedQueue({ clock, random, concurrency: 2, maxAttempts: 3, capacity: 1_000 });
  const queues = [writes, reads, eventWrites];
  let serial = 0;

  /** known before the election starts */
  let owner: OwnerReference | undefined;
  const election = new LeaseElection({
    store: new ApiLeaseStore(api, controlPlaneNamespace, LEASE_NAME, () => owner),
    identity: options.identity ?? hostname(),
    timings: options.leaseTimings ?? LEASE_TIMINGS,
    clock,
    random,
    log,
  });
  election.onChange((isLeader) => {
    if (!isLeader) writes.abandon(new NotLeaderError());
  });

  let watches: ReturnType<typeof createWatches> = [];
  const tasks: LeaderTask[] = [];
  const startTask = (name: string, intervalMs: number, work: () => Promise<void>) => {
    const task = new LeaderTask({ name, leadership: election, clock, random, intervalMs, log, work });
    tasks.push(task);
    task.start();
  };
  const issuer = openIssuer(options, { api, clock, signal: stopping.signal, owner: () => owner });

  const write = (key: string, job: () => Promise<void>) =>
    writes.run(key, async () => {
      if (!election.isLeader) throw new NotLeaderError();
      await job();
    });
  const patiently = <T>(what: string, work: () => Promise<T>) =>
    retryTransient(work, {
      clock,
      random,
      signal: stopping.signal,
      onFailure: (error, delayMs) => log.warn({ what, delayMs, error: describeError(error) }, 'trying again'),
    });

  return {
    leadership: election,
    ...(issuer && { issuer }),

    async start(apply) {
      const timings = options.reflectorTimings ?? REFLECTOR_TIMINGS;
      watches = createWatches({ api, statuses, revisions, apply, log, clock, random, timings });
      for (const watch of watches) watch.start();
      await Promise.race([Promise.all(watches.map(({ synced }) => synced)), aborted(stopping.signal)]);
      owner = await patiently('ask who we are', () => findInstallation(api, controlPlaneNamespace));
      election.start();
      if (issuer) startTask('certificate requests', SWEEP_INTERVAL_MS, () => issuer.sweep());
    },

    async stop() {
      stopping.abort(new Error('the platform was stopped'));
      for (const queue of queues) queue.abandon(new Error('the platform was stopped'));
      await Promise.all(watches.map((watch) => watch.stop()));
      const writing = [...tasks.map((task) => task.stop()), ...queues.map((queue) => queue.drain())];
      const drained = Promise.all(writing);
      const enough = new AbortController();
      await Promise.race([drained, sleep(clock, DRAIN_MS, enough.signal)]);
      enough.abort();
      await election.stop();
      api.close();
    },

    loadRoot: () => patiently('load the root', () => root.load()),
    createRoot: (roots) => patiently('create the root', () => root.create(roots)),
    async replaceRoots(roots) {
      if (!election.isLeader) throw new NotLeaderError();
      return root.replace(roots);
    },
    async publishRotation(report) {
      if (!election.isLeader) throw new NotLeaderError();
      await publishRotation(api, controlPlaneNamespace, report);
    },

    writeProxy: (workload, files) => write(proxyKey(workload), () => secrets.write(workload, files)),
    removeProxy: (workload) => write(proxyKey(workload), () => secrets.remove(workload)),
    async readProxy(workload) {
      let files: ProxyFiles | undefined;
      await reads.run(`read/${serial++}`, async () => {
        files = await secrets.read(workload);
      });
      return files;
    },

    writeStatus: (policy, status) => write(`status/${policy.uid}`, () => statuses.write(policy, status)),
    storeAccepted: (revision) => write(`accepted/${revision.uid}`, () => revisions.store(revision)),

    /** Best effort: an event that cannot be written is logged and forgotten. */
    async recordEvent(event) {
      try {
        await eventWrites.run(`event/${serial++}`, () => events.record(event));
      } catch (error) {
        log.debug({ reason: event.reason, error: describeError(error) }, 'an event was not written');
      }
    },

    reviewToken: (token) => reviewToken(api, token),

    manageInjector(authority) {
      const nowMs = () => clock.unixMs();
      const certificate = new WebhookCertificate({
        ...{ api, namespace: controlPlaneNamespace, authority, owner, nowMs },
      });
      startTask('injector', INJECTOR_INTERVAL_MS, () => certificate.reconcile());
    },
  };
}

function openIssuer(
  { issuer, issuerTimeoutMs, controlPlaneNamespace: namespace }: KubernetesPlatformOptions,
  parts: Pick<CertManagerOptions, 'api' | 'clock' | 'signal' | 'owner'>,
): CertManager | undefined {
  if (issuer === undefined) return undefined;
  const timeout = issuerTimeoutMs === undefined ? {} : { timeoutMs: issuerTimeoutMs };
  return new CertManager({ ...parts, namespace, issuer, ...timeout });
}

/** The write belongs to the leader, and this replica is not it (any more). */
export class NotLeaderError extends Error {
  constructor() {
    super('this replica does not hold the lease');
    this.name = 'NotLeaderError';
  }
}

/** By proxy, not by pod: a pod made anew under the same name must not lose its write to the removal of the old. */
function proxyKey({ namespace, proxyId }: Workload): string {
  return `proxy/${namespace}/${proxyId}`;
}

function defaultKubeConfig(): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  return kubeConfig;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

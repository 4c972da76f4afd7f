import type { Clock } from '../clock.ts';
import { canonicalJson } from '../compile/canonical-json.ts';
import type { Conflict } from '../compile/conflict.ts';
import { acceptanceOf, effective } from '../compile/effective.ts';
import { referencesOf } from '../compile/references.ts';
import { trafficConflicts } from '../compile/traffic/conflicts.ts';
import { describeError, type Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Policy } from '../mesh/model.ts';
import type { Platform, PolicyStatus } from '../platform.ts';
import type { Acks } from './acks.ts';
import { holderOf } from './holders.ts';
import { KeyedWorker } from './keyed-worker.ts';
import { policyEvents } from './policy-event.ts';
import type { Publisher } from './publisher.ts';
import { computeStatus } from './status.ts';

export interface StatusWriterOptions {
  readonly mesh: Mesh;
  readonly platform: Pick<Platform, 'leadership' | 'writeStatus' | 'storeAccepted' | 'recordEvent'>;
  readonly publisher: Pick<Publisher, 'keys' | 'published'>;
  readonly acks: Acks;
  /** other replicas have not said yet what their sidecars hold */
  readonly isReplaying: () => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const WINDOW_MS = 200;
const CONCURRENCY = 4;
/** How long after taking over sidecars have to connect before they count as lagging. */
export const COLLECTING_MS = 15_000;

/**
 * The leader's: keeps each policy's status, and its last accepted spec, equal to what is known. Many acks are
 * one status; what did not change is not written.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #worker: KeyedWorker;
  /** by policy key */
  readonly #written = new Map<string, { uid: string; status: PolicyStatus }>();
  #leaderSinceMs: number;
  #cancelCollecting: () => void = () => {};

  constructor(options: StatusWriterOptions) {
    const { clock, random, log } = options;
    this.#options = options;
    this.#leaderSinceMs = clock.unixMs();
    this.#worker = new KeyedWorker({
      ...{ clock, random, windowMs: WINDOW_MS, concurrency: CONCURRENCY },
      work: (key) => this.#write(key),
      onError: (key, error) =>
        log.warn({ policy: key }, `the status of policy ${key} was not written: ${describeError(error)}`),
    });
  }

  start(): void {
    this.#options.platform.leadership.onChange((isLeader) =>
      isLeader ? this.#takeOver() : this.#worker.clear(),
    );
    this.#takeOver();
  }
  stop(): void {
    this.#cancelCollecting();
    this.#worker.close();
  }

  /** @param keys of Policies whose status may differ */
  refresh(keys: Iterable<string>): void {
    if (!this.#options.platform.leadership.isLeader) return;
    for (const key of keys) this.#worker.add(key);
  }

  refreshAll(): void {
    this.refresh(this.#options.mesh.policies().map(({ key }) => key));
  }

  /** What a sidecar holds, or whether it is there, has changed. */
  workloadChanged(key: string): void {
    const { mesh, publisher, acks } = this.#options;
    const versions = [
      publisher.published(key)?.config.version,
      publisher.published(key)?.withheld?.version,
      ...[...(acks.get(key)?.destinations.values() ?? [])].map(({ sent }) => sent),
    ];
    const uids = new Set(versions.flatMap((version) => Object.keys(version?.policies ?? {})));
    for (const uid of uids) this.refresh(mesh.policiesWithUid(uid).map((policy) => policy.key));
  }

  status(policy: Policy): PolicyStatus {
    const { mesh, publisher, acks, clock, isReplaying } = this.#options;
    const keys = publisher.keys();
    const known = this.#written.get(policy.key);
    return computeStatus({
      policy,
      acceptance: acceptanceOf(mesh, policy),
      references: referencesOf(mesh, policy),
      generationInForce: effective(mesh, policy)?.generation,
      holders: keys.flatMap((key) => {
        const workload = mesh.workload(key);
        const published = publisher.published(key)!;
        return (workload && holderOf(policy, workload, published, acks, this.#leaderSinceMs)) ?? [];
      }),
      conflicts: [
        ...keys.flatMap((key) => conflictsLostBy(policy.key, publisher.published(key)!.conflicts)),
        ...trafficConflicts(mesh, policy),
      ],
      collecting: clock.unixMs() - this.#leaderSinceMs < COLLECTING_MS,
      replaying: isReplaying(),
      previous: known?.uid === policy.uid ? known.status : policy.status,
      nowMs: clock.unixMs(),
    });
  }

  #takeOver(): void {
    const { clock } = this.#options;
    this.#leaderSinceMs = clock.unixMs();
    this.refreshAll();
    this.#cancelCollecting();
    this.#cancelCollecting = clock.after(COLLECTING_MS, () => this.refreshAll());
  }

  async #write(key: string): Promise<void> {
    const { mesh, platform } = this.#options;
    const policy = mesh.policy(key);
    if (policy === undefined) this.#written.delete(key);
    if (policy === undefined || !platform.leadership.isLeader) return;
    await this.#storeAccepted(policy);
    const status = this.status(policy);
    const known = this.#written.get(key);
    const before = known?.uid === policy.uid ? known.status : policy.status;
    if (before === undefined || canonicalJson(before) !== canonicalJson(status)) {
      await platform.writeStatus(policy, status);
    }
    this.#written.set(key, { uid: policy.uid, status });
    this.#recordEvents(policy, before, status);
  }

  /** Nobody waits for it: the status says the same. */
  #recordEvents(policy: Policy, before: PolicyStatus | undefined, status: PolicyStatus): void {
    const { platform, log } = this.#options;
    for (const event of policyEvents(policy, before, status)) {
      platform
        .recordEvent(event)
        .catch((error) =>
          log.warn({ policy: policy.key, error: describeError(error) }, 'an event was not recorded'),
        );
    }
  }

  /** Before the status says accepted: what was promised must survive a restart. */
  async #storeAccepted(policy: Policy): Promise<void> {
    const { mesh, platform } = this.#options;
    const { key, uid, generation, spec } = policy;
    const isAccepted = acceptanceOf(mesh, policy).accepted;
    const known = mesh.accepted(policy);
    if (isAccepted && known?.generation !== generation) {
      await platform.storeAccepted({ key, uid, generation, spec });
    }
    // It may have come to be in force, and the policy to be unacceptable, before there was time to store it.
    if (!isAccepted && known !== undefined) await platform.storeAccepted(known);
  }
}

const byLoser = new WeakMap<readonly Conflict[], ReadonlyMap<string, Conflict[]>>();

/** Where many policies are at odds, each of them asks about every proxy. */
function conflictsLostBy(policy: string, conflicts: readonly Conflict[]): readonly Conflict[] {
  const known = byLoser.get(conflicts) ?? Map.groupBy(conflicts, ({ loser }) => loser);
  byLoser.set(conflicts, known);
  return known.get(policy) ?? [];
}

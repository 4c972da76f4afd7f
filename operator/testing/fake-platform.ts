import type { AcceptedRevision, Change, Policy, Workload } from '../mesh/model.ts';
import type {
  Platform,
  PlatformEvent,
  PolicyStatus,
  ProxyFiles,
  StoredRoots,
  TokenHolder,
} from '../platform.ts';

/** A platform in memory; the test delivers changes and looks at what was written. */
export class FakePlatform implements Platform {
  readonly proxies = new Map<string, ProxyFiles>();
  readonly statuses = new Map<string, PolicyStatus>();
  readonly accepted = new Map<string, AcceptedRevision>();
  readonly events: PlatformEvent[] = [];
  readonly calls: string[] = [];
  /** of all that was written */
  readonly certificates = new Set<string>();
  /** what the next calls throw, by name */
  readonly failures = new Map<string, number>();
  root: StoredRoots | undefined;
  /** as published last, JSON */
  rotation: string | undefined;
  #revision = 0;
  deliver: (changes: readonly Change[]) => void = () => {};
  readonly #initial: readonly Change[];
  readonly #listeners: ((isLeader: boolean) => void)[] = [];
  readonly leadership = {
    isLeader: true,
    identity: undefined as string | undefined,
    leader: undefined as string | undefined,
    onChange: (listener: (isLeader: boolean) => void) => void this.#listeners.push(listener),
  };

  constructor(initial: readonly Change[] = []) {
    this.#initial = initial;
  }

  setLeader(isLeader: boolean): void {
    this.leadership.isLeader = isLeader;
    for (const listener of this.#listeners) listener(isLeader);
  }

  async start(apply: (changes: readonly Change[]) => void): Promise<void> {
    this.deliver = apply;
    apply(this.#initial);
  }
  async stop(): Promise<void> {
    this.#called('stop');
  }
  async loadRoot(): Promise<StoredRoots | undefined> {
    return this.root;
  }
  async createRoot(roots: StoredRoots): Promise<StoredRoots> {
    this.root ??= roots;
    return this.root;
  }
  async replaceRoots(roots: StoredRoots): Promise<boolean> {
    this.#called('replaceRoots');
    if (roots.revision !== this.root?.revision) return false;
    this.#revision += 1;
    this.root = { ...roots, revision: String(this.#revision) };
    return true;
  }
  async publishRotation(report: string): Promise<void> {
    this.#called('publishRotation');
    this.rotation = report;
  }
  async writeProxy(workload: Workload, files: ProxyFiles): Promise<void> {
    this.#called(`writeProxy ${workload.key}`);
    this.certificates.add(files.certificate);
    this.proxies.set(workload.proxyId!, files);
  }
  async readProxy(workload: Workload): Promise<ProxyFiles | undefined> {
    this.#called(`readProxy ${workload.key}`);
    return this.proxies.get(workload.proxyId!);
  }
  async removeProxy(workload: Workload): Promise<void> {
    this.#called(`removeProxy ${workload.key}`);
    this.proxies.delete(workload.proxyId!);
  }
  async writeStatus(policy: Policy, status: PolicyStatus): Promise<void> {
    this.#called(`writeStatus ${policy.key}`);
    this.statuses.set(policy.key, status);
  }
  async storeAccepted(revision: AcceptedRevision): Promise<void> {
    this.#called(`storeAccepted ${revision.key}`);
    this.accepted.set(revision.key, revision);
    this.deliver([{ kind: 'AcceptedRevision', key: revision.key, value: revision }]);
  }
  async recordEvent(event: PlatformEvent): Promise<void> {
    this.events.push(event);
  }
  async reviewToken(): Promise<TokenHolder | undefined> {
    return undefined;
  }

  count(call: string): number {
    return this.calls.filter((each) => each === call).length;
  }

  #called(call: string): void {
    this.calls.push(call);
    const left = this.failures.get(call) ?? 0;
    this.failures.set(call, left - 1);
    if (left > 0) throw new Error(`${call} was made to fail`);
  }
}

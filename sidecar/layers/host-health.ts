import type { HealthCheckPolicy } from '../../api/destination-traffic.ts';
import type { Host } from '../balancers/host.ts';

const DEFAULT_UNHEALTHY_AFTER = 3;
const DEFAULT_HEALTHY_AFTER = 2;
const nothing = () => {};

/** What active checks know of one host, and the probe of it that may be under way. */
export class HostHealth {
  readonly host: Host;
  /** of the probe under way */
  cancel: () => void = nothing;
  /** probes in a row that speak against the verdict */
  #contradictions = 0;
  /** odd while a probe is under way; tells its answer from that of an earlier one */
  #turn = 0;

  constructor(host: Host) {
    this.host = host;
  }

  get isRunning(): boolean {
    return this.#turn % 2 === 1;
  }

  isAt(turn: number): boolean {
    return this.#turn === turn;
  }

  begin(): number {
    this.#turn += 1;
    return this.#turn;
  }

  end(): void {
    this.#turn += 1;
    this.cancel = nothing;
  }

  /** Whether `host.healthy` has changed. */
  judge(ok: boolean, policy: HealthCheckPolicy): boolean {
    if (ok === this.host.healthy) {
      this.#contradictions = 0;
      return false;
    }
    this.#contradictions += 1;
    const needed = ok
      ? (policy.healthyAfter ?? DEFAULT_HEALTHY_AFTER)
      : (policy.unhealthyAfter ?? DEFAULT_UNHEALTHY_AFTER);
    if (this.#contradictions < needed) return false;
    this.host.healthy = ok;
    this.#contradictions = 0;
    return true;
  }

  /** Whether the host was unhealthy. */
  believe(): boolean {
    const changed = !this.host.healthy;
    this.host.healthy = true;
    this.#contradictions = 0;
    return changed;
  }
}

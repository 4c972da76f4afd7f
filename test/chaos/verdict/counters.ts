import type { ProcessSample, Requests } from '../sample.ts';
import type { PodCounts } from './ledger.ts';

/** What sidecars say against what the apps beside them wrote down. */
export interface Agreement {
  /** pods of which nothing was killed: there each request must be accounted for */
  readonly exactPods: number;
  readonly disagreements: readonly string[];
  /** sum over all sidecars that ever were, as they were last seen */
  readonly inboundGood: number;
  readonly executed: number;
}

const NOTHING: Requests = { inboundGood: 0, inbound: 0, outboundGood: 0, outbound: 0 };

/** The counters of sidecars, each as long as it lives. */
export class Counters {
  /** pod → process → as it was last seen */
  readonly #last = new Map<string, Map<string, Requests>>();

  add(samples: readonly ProcessSample[]): void {
    for (const { role, namespace, pod, pid, startedTicks, requests } of samples) {
      if (role !== 'sidecar' || requests === undefined) continue;
      const key = `${namespace}/${pod}`;
      const processes = this.#last.get(key) ?? new Map<string, Requests>();
      this.#last.set(key, processes);
      processes.set(`${pid} ${startedTicks}`, requests);
    }
  }

  /**
   * To be asked when nothing is under way. A sidecar that was killed takes with it what it counted since it was last
   * seen, so it can only have said too little. Where nothing was killed, it has seen exactly what the app has.
   * @param unharmed names of pods of which no container ever ended
   */
  against(namespace: string, pods: ReadonlyMap<string, PodCounts>, unharmed: readonly string[]): Agreement {
    const disagreements: string[] = [];
    let inboundGood = 0;
    let executed = 0;
    const compare = (isRight: boolean, text: string) => {
      if (!isRight) disagreements.push(text);
    };
    for (const [pod, counts] of pods) {
      const seen = this.#sumOf(`${namespace}/${pod}`);
      inboundGood += seen.inboundGood;
      executed += counts.executed;
      const says = `${pod}: sidecar ${JSON.stringify(seen)}, app ${JSON.stringify(counts)}`;
      compare(seen.inboundGood <= counts.executed, `answered more than was executed: ${says}`);
      if (!unharmed.includes(pod)) continue;
      compare(counts.executed <= seen.inbound, `executed what did not come in: ${says}`);
      compare(counts.answered <= seen.outboundGood, `answered what was not sent: ${says}`);
      compare(seen.outbound <= counts.called, `sent what was not called: ${says}`);
    }
    return { exactPods: unharmed.length, disagreements, inboundGood, executed };
  }

  #sumOf(key: string): Requests {
    const sum: Record<keyof Requests, number> = { ...NOTHING };
    for (const each of this.#last.get(key)?.values() ?? []) {
      for (const name of Object.keys(sum) as (keyof Requests)[]) sum[name] += each[name];
    }
    return sum;
  }
}

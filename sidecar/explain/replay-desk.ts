import { setImmediate } from 'node:timers/promises';
import type { Destination } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { ReplayResult } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { BadReplay, parseReplayRequest, replay } from './replay.ts';

export interface ReplayDeskOptions {
  readonly proxyId: string;
  /** undefined: no data path keeps any */
  readonly trails: () => { records(): Iterable<TrailRecord> } | undefined;
  readonly config: () => ProxyConfig | undefined;
  readonly destinations: () => readonly Destination[];
}

/** Where replays are asked for: one at a time, between the turns in which traffic is served. */
export class ReplayDesk {
  readonly #options: ReplayDeskOptions;
  #isBusy = false;

  constructor(options: ReplayDeskOptions) {
    this.#options = options;
  }

  /** `body`: a ReplayRequest as JSON. Rejects with BadReplay. */
  async answer(body: string): Promise<ReplayResult> {
    if (this.#isBusy) throw new BadReplay('another replay is under way: ask again');
    this.#isBusy = true;
    try {
      return await this.#run(body);
    } finally {
      this.#isBusy = false;
    }
  }

  async #run(body: string): Promise<ReplayResult> {
    const { proxyId, trails, config, destinations } = this.#options;
    const steps = replay(parseReplayRequest(body, proxyId), {
      proxyId,
      records: trails()?.records() ?? [],
      config: config(),
      destinations: destinations(),
      nowMs: Date.now(),
    });
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await setImmediate();
    }
  }
}

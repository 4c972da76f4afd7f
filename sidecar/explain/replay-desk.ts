import { setImmediate } from 'node:timers/promises';
import type { Destination } from '../../api/destination.ts';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { ReplayResult } from '../../api/replay.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { replay } from './replay.ts';
import { BadReplay, parseReplayRequest } from './replay-request.ts';
import { Turns } from './turns.ts';

export interface ReplayDeskOptions {
  readonly proxyId: string;
  /** undefined: no data path keeps any */
  readonly trails: () => { records(): Iterable<TrailRecord> } | undefined;
  readonly config: () => ProxyConfig | undefined;
  readonly destinations: () => readonly Destination[];
  /** monotonic */
  readonly nowMs?: () => number;
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
    const { proxyId, trails, config, destinations, nowMs = () => performance.now() } = this.#options;
    const turns = new Turns({ nowMs, pause: setImmediate });
    const request = await turns.run(parseReplayRequest(body, proxyId));
    const options = {
      proxyId,
      records: trails()?.records() ?? [],
      config: config(),
      destinations: destinations(),
      nowMs: Date.now(),
    };
    return await turns.run(replay(request, options));
  }
}

import { describeError, type Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Platform } from '../platform.ts';

/** Says once of each pod that shows another's proxy id that it gets nothing. */
export class DuplicateReporter {
  readonly #mesh: Mesh;
  readonly #platform: Pick<Platform, 'leadership' | 'recordEvent'>;
  readonly #log: Log;
  /** uids, as long as they are duplicates */
  #told = new Set<string>();

  constructor(mesh: Mesh, platform: Pick<Platform, 'leadership' | 'recordEvent'>, log: Log) {
    this.#mesh = mesh;
    this.#platform = platform;
    this.#log = log;
  }

  check(): void {
    if (!this.#platform.leadership.isLeader) return;
    const told = new Set<string>();
    for (const { uid, namespace, name } of this.#mesh.duplicates()) {
      told.add(uid);
      if (this.#told.has(uid)) continue;
      const message =
        'the proxy id of this pod belongs to an older pod: it gets no identity and no configuration';
      const about = { kind: 'Pod', namespace, name, uid } as const;
      this.#platform
        .recordEvent({ about, type: 'Warning', reason: 'DuplicateProxyId', message })
        .catch((error) => this.#log.warn({ error: describeError(error) }, 'an event was not recorded'));
    }
    this.#told = told;
  }
}

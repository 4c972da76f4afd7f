import { createHash, timingSafeEqual } from 'node:crypto';
import type { DeclaredProbe, DeclaredProbes } from './declared-probes.ts';

/** The kubelet asks one at a time, and gives up before it asks again. */
const RUNNING_MAX = 4;

/** One declared probe, and how often it runs at the moment: each has its own share, so none starves another. */
export class ProbeSlot {
  readonly probe: DeclaredProbe;
  #running = 0;

  constructor(probe: DeclaredProbe) {
    this.probe = probe;
  }

  /** Undefined: it runs too often already. */
  async run<T>(work: (probe: DeclaredProbe) => Promise<T>): Promise<T | undefined> {
    if (this.#running >= RUNNING_MAX) return undefined;
    this.#running += 1;
    try {
      return await work(this.probe);
    } finally {
      this.#running -= 1;
    }
  }
}

/**
 * Finds a probe by `<token>/<container>/<kind>`. Digests are compared, all of them and in constant time: how long
 * the answer takes tells nothing about the token.
 */
export class ProbeTable {
  readonly #rows: readonly { readonly digest: Buffer; readonly slot: ProbeSlot }[];

  constructor(probes: DeclaredProbes) {
    this.#rows = [...probes].map(([key, probe]) => ({ digest: digestOf(key), slot: new ProbeSlot(probe) }));
  }

  find(key: string): ProbeSlot | undefined {
    const wanted = digestOf(key);
    return this.#rows.filter(({ digest }) => timingSafeEqual(digest, wanted))[0]?.slot;
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

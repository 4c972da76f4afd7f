import { Session } from 'node:inspector/promises';

/** The parser and nothing else. */
const WATCHED = /\/sidecar\/http1\/[a-z-]+\.ts$/;

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** Which characters of the parser's source have run, by V8's block coverage. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Map<string, Uint8Array>();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  async stop(): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** Forgets what ran since the last call. */
  async skip(): Promise<void> {
    await this.#session.post('Profiler.takePreciseCoverage');
  }

  /** How many characters ran since the last call that never ran before; they count as seen if `keep`. */
  async takeNew(keep: boolean): Promise<number> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    let found = 0;
    for (const { url, functions } of result) {
      if (!WATCHED.test(url)) continue;
      for (const { ranges } of functions) found += this.#merge(url, ranges, keep);
    }
    return found;
  }

  get covered(): number {
    let sum = 0;
    for (const seen of this.#seen.values()) for (const byte of seen) sum += byte;
    return sum;
  }

  /** Ranges of a function nest: the inner ones come later and win. */
  #merge(url: string, ranges: readonly Range[], keep: boolean): number {
    const { startOffset, endOffset, count } = ranges[0]!;
    if (count === 0) return 0;
    const ran = new Uint8Array(endOffset - startOffset);
    for (const range of ranges)
      ran.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset);
    const seen = this.#seenOf(url, endOffset);
    let found = 0;
    for (let at = 0; at < ran.length; at += 1) {
      if (ran[at] === 0 || seen[startOffset + at] === 1) continue;
      found += 1;
      if (keep) seen[startOffset + at] = 1;
    }
    return found;
  }

  #seenOf(url: string, size: number): Uint8Array {
    const known = this.#seen.get(url);
    if (known !== undefined && known.length >= size) return known;
    const grown = new Uint8Array(size);
    if (known !== undefined) grown.set(known);
    this.#seen.set(url, grown);
    return grown;
  }
}

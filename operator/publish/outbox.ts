/** What Outbox needs of a stream. */
export interface Sink {
  /** false: the reader is behind; wait for `drain` */
  write(text: string): boolean;
}

/**
 * What is still to be told to one reader, as keys. The text of a key is made when it is written, so a slow
 * reader gets the newest version once, and costs a set of keys however much changed meanwhile.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #render: (key: string) => string | undefined;
  readonly #keys = new Set<string>();
  #blocked = false;

  /** @param render the line without its newline; undefined: nothing to say any more */
  constructor(sink: Sink, render: (key: string) => string | undefined) {
    this.#sink = sink;
    this.#render = render;
  }

  /** Keys that wait, for bounds and tests. */
  get waiting(): number {
    return this.#keys.size;
  }
  get isBlocked(): boolean {
    return this.#blocked;
  }

  add(key: string): void {
    this.#keys.add(key);
    this.#pump();
  }
  delete(key: string): void {
    this.#keys.delete(key);
  }
  /** The reader has caught up. */
  drained(): void {
    this.#blocked = false;
    this.#pump();
  }

  #pump(): void {
    for (const key of this.#keys) {
      if (this.#blocked) return;
      this.#keys.delete(key);
      const line = this.#render(key);
      if (line !== undefined) this.#blocked = !this.#sink.write(`${line}\n`);
    }
  }
}

const KEPT = 256;

/** The last stream numbers that were added, a bounded number of them. */
export class RecentIds {
  readonly #ids = new Set<number>();

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size <= KEPT) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }
}

/** Open connections by container port. A lower limit closes none: nothing enters until enough have ended. */
export class ConnectionCounts {
  readonly #open = new Map<number, number>();

  /** False: as many as there may be are open. Each success needs its one `leave`. */
  tryEnter(port: number, max: number | undefined): boolean {
    const open = this.#open.get(port) ?? 0;
    if (max !== undefined && open >= max) return false;
    this.#open.set(port, open + 1);
    return true;
  }

  leave(port: number): void {
    const left = (this.#open.get(port) ?? 0) - 1;
    if (left > 0) this.#open.set(port, left);
    else this.#open.delete(port);
  }
}

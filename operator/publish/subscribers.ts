/** Who is subscribed to destinations of which host, so that a change asks those it concerns and nobody else. */
export class Subscribers<T> {
  readonly #byHost = new Map<string, Set<T>>();

  add(host: string, subscriber: T): void {
    const set = this.#byHost.get(host);
    if (set === undefined) this.#byHost.set(host, new Set([subscriber]));
    else set.add(subscriber);
  }

  delete(host: string, subscriber: T): void {
    const set = this.#byHost.get(host);
    set?.delete(subscriber);
    if (set?.size === 0) this.#byHost.delete(host);
  }

  /** A copy: who is told may go. */
  of(host: string): T[] {
    return [...(this.#byHost.get(host) ?? [])];
  }
}

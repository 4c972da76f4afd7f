import type { Stream } from './stream.ts';

/** Streams of a connection that have something to send, in turns. */
export class SendQueue {
  #streams: Stream[] = [];

  get isEmpty(): boolean {
    return this.#streams.length === 0;
  }

  add(stream: Stream): void {
    if (stream.outbox.isQueued) return;
    stream.outbox.isQueued = true;
    this.#streams.push(stream);
  }

  remove(stream: Stream): void {
    if (!stream.outbox.isQueued) return;
    stream.outbox.isQueued = false;
    const index = this.#streams.indexOf(stream);
    if (index !== -1) this.#streams.splice(index, 1);
  }

  /** Until the connection takes no more, or each stream waits for its own window. */
  pump(mayGoOn: () => boolean): void {
    let left = this.#streams.length;
    while (left > 0 && this.#streams.length > 0 && mayGoOn()) {
      const stream = this.#streams.shift()!;
      stream.outbox.isQueued = false;
      left -= 1;
      const result = stream.outbox.pump();
      if (result === 'done') continue;
      this.add(stream);
      if (result === 'more') left = this.#streams.length;
    }
  }
}

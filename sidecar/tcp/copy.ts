import type { Channel, ChannelOwner } from '../transport/channel.ts';
import { IdleWatch, type Timers } from '../transport/timers.ts';

/** What is asked of either side: a connection, or a stream of one (http2/stream-channel.ts). */
export type TunnelEnd = Pick<
  Channel,
  | 'owner'
  | 'disown'
  | 'destroyed'
  | 'closed'
  | 'ended'
  | 'writable'
  | 'needsDrain'
  | 'bufferedBytes'
  | 'write'
  | 'end'
  | 'pause'
  | 'resume'
  | 'destroy'
  | 'destroySoon'
  | 'abort'
  | 'onClosed'
>;

/** A connection that became a tunnel, with what was read of it beyond the head that made it one. */
export interface Tunnel {
  readonly channel: TunnelEnd;
  readonly rest: Buffer;
}

export interface CopyOptions {
  readonly timers: Timers;
  /** 0: none */
  readonly idleTimeoutMs: number;
  /** bytes read of each side before the copy began; they are sent first */
  readonly fromClient?: Buffer | undefined;
  readonly fromServer?: Buffer | undefined;
  /** looks at what the client sends before the server gets it; false cuts the connection */
  readonly mayForward?: ((bytes: Buffer) => boolean) | undefined;
  readonly onBytes?: (direction: 'sent' | 'received', count: number) => void;
  /** called once, when both channels are closed */
  readonly onDone: () => void;
}

/**
 * Opaque bytes both ways: an end of one side is passed on as a half-close, an error as an abort, and a side
 * that does not take bytes stops the reading of the other. The watch may get another timeout while both are open.
 */
export function copy(client: TunnelEnd, server: TunnelEnd, options: CopyOptions): IdleWatch {
  const watch = new IdleWatch(options.timers, options.idleTimeoutMs, () => {
    // what was not delivered must not look complete
    const isWhole = client.bufferedBytes === 0 && server.bufferedBytes === 0;
    for (const side of [client, server]) {
      if (isWhole) side.destroy();
      else side.abort();
    }
  });
  let open = 2;
  const onClosed = () => {
    open -= 1;
    if (open > 0) return;
    watch.cancel();
    options.onDone();
  };
  const count = options.onBytes ?? (() => {});
  const sent = new Flow(client, server, (bytes) => {
    watch.touch();
    count('sent', bytes.length);
    return options.mayForward?.(bytes) ?? true;
  });
  const received = new Flow(server, client, (bytes) => {
    watch.touch();
    count('received', bytes.length);
    return true;
  });
  client.owner = owner(sent, received);
  server.owner = owner(received, sent);
  client.onClosed(onClosed);
  server.onClosed(onClosed);
  sent.begin(options.fromClient);
  received.begin(options.fromServer);
  return watch;
}

/** What happens on a channel: the bytes it gives, and room for those it gets. */
function owner(from: Flow, to: Flow): ChannelOwner {
  return {
    onData: (bytes) => from.give(bytes),
    onEnd: () => from.end(),
    onDrain: () => to.resume(),
    onClose: () => from.cut(),
  };
}

/** One direction. */
class Flow {
  readonly #source: TunnelEnd;
  readonly #sink: TunnelEnd;
  readonly #onBytes: (bytes: Buffer) => boolean;

  constructor(source: TunnelEnd, sink: TunnelEnd, onBytes: (bytes: Buffer) => boolean) {
    this.#source = source;
    this.#sink = sink;
    this.#onBytes = onBytes;
  }

  begin(first: Buffer | undefined): void {
    if (first !== undefined && first.length > 0) this.give(first);
    if (this.#source.ended) this.end();
    else if (this.#source.destroyed) this.cut();
    else if (!this.#sink.needsDrain) this.#source.resume();
  }

  give(bytes: Buffer): void {
    if (!this.#onBytes(bytes)) {
      this.#source.abort();
      return void this.#sink.abort();
    }
    if (!this.#sink.write(bytes)) this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  end(): void {
    this.#sink.end();
  }

  /**
   * The source is closed. Without an end of its own the sink must not take it for one; and a sink that has not
   * ended would go on sending to nobody.
   */
  cut(): void {
    if (!this.#source.ended || !this.#sink.ended) this.#sink.abort();
  }
}

import { connect, type Socket } from 'node:net';
import { FLAG, FRAME, PREFACE, readUint32 } from './frames/frame-types.ts';
import { type Frame, frame, framesIn, word } from './frames/frames.fixture.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { decodePairs, encodePairs, type Pair } from './hpack/hpack.fixture.ts';

const DEADLINE_MS = 5_000;
const MOST_SHOWN = 40;
export const GET: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a'],
  [':path', '/'],
];
export const POST: readonly Pair[] = [[':method', 'POST'], ...GET.slice(1)];

/** A peer that says exactly what a test wants, and keeps all it hears. */
export class Peer {
  readonly socket: Socket;
  readonly #encoder = new HpackEncoder(4096);
  readonly #decoder = new HpackDecoder(4096, 1 << 20);
  #bytes: Buffer = Buffer.alloc(0);
  readonly heard: Frame[] = [];
  #prefaceLeft: number;
  /** of `heard`, those before it were asked for */
  #at = 0;
  ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket, isServer: boolean) {
    this.socket = socket;
    this.#prefaceLeft = isServer ? PREFACE.length : 0;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.#wake();
    });
  }

  /** A client whose first frames are sent. */
  static async connect(port: number, settings: Buffer = Buffer.alloc(0)): Promise<Peer> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false });
    const peer = new Peer(socket, false);
    await new Promise((resolve) => socket.once('connect', resolve));
    peer.send(PREFACE, frame(FRAME.settings, 0, 0, settings), frame(FRAME.settings, FLAG.ack, 0));
    return peer;
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#prefaceLeft > 0) {
      if (this.#bytes.length < this.#prefaceLeft) return;
      this.#bytes = this.#bytes.subarray(this.#prefaceLeft);
      this.#prefaceLeft = 0;
    }
    for (const one of framesIn(this.#bytes)) {
      this.heard.push(one);
      this.#bytes = this.#bytes.subarray(9 + one.payload.length);
    }
    this.#bytes = Buffer.from(this.#bytes);
    this.#wake();
  }
  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }
  headers(streamId: number, pairs: readonly Pair[], endsStream = true): Buffer {
    const flags = FLAG.endHeaders | (endsStream ? FLAG.endStream : 0);
    return frame(FRAME.headers, flags, streamId, encodePairs(this.#encoder, pairs));
  }
  data(streamId: number, body: Buffer | string, endsStream = true): Buffer {
    return frame(FRAME.data, endsStream ? FLAG.endStream : 0, streamId, Buffer.from(body));
  }

  async until(isSo: () => boolean): Promise<void> {
    if (isSo()) return;
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const look = () => {
        if (!isSo()) {
          if (!this.ended) return;
          end();
          return reject(new Error(`the connection ended; heard ${this.summary()}`));
        }
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`waited in vain; heard ${this.summary()}`));
      }, DEADLINE_MS);
      this.#waiting.add(look);
      look();
    });
  }
  summary(): string {
    return this.heard
      .slice(-MOST_SHOWN)
      .map(({ type, streamId, payload }) => `${type}:${streamId}(${payload.length})`)
      .join(' ');
  }

  /** The next frame of a type, after the one asked for last. */
  async next(type: number, streamId?: number): Promise<Frame> {
    let found = -1;
    await this.until(() => {
      found = this.heard.findIndex(
        (one, index) => index >= this.#at && one.type === type && (streamId ?? one.streamId) === one.streamId,
      );
      return found !== -1;
    });
    this.#at = found + 1;
    return this.heard[found]!;
  }
  /** Of the next header block, which must be asked for in order. */
  async nextHead(streamId?: number): Promise<Record<string, string>> {
    const { payload } = await this.next(FRAME.headers, streamId);
    return Object.fromEntries(decodePairs(this.#decoder, payload));
  }
  async nextGoaway(): Promise<readonly [lastStreamId: number, code: number]> {
    const { payload } = await this.next(FRAME.goaway);
    return [readUint32(payload, 0), readUint32(payload, 4)];
  }
  async nextReset(streamId?: number): Promise<number> {
    return readUint32((await this.next(FRAME.rstStream, streamId)).payload, 0);
  }
  /** All DATA so far. */
  body(streamId: number): Buffer {
    const frames = this.heard.filter((one) => one.type === FRAME.data && one.streamId === streamId);
    return Buffer.concat(frames.map(({ payload }) => payload));
  }
  /** All was read that the other side wrote before it answered this. */
  async sync(): Promise<void> {
    this.send(frame(FRAME.ping, 0, 0, '0102030405060708'));
    for (;;) {
      const { flags, payload } = await this.next(FRAME.ping);
      if ((flags & FLAG.ack) !== 0 && payload[0] === 1) return;
    }
  }
  close(): void {
    this.socket.destroy();
  }
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), word(value)]);
}

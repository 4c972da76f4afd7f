import type { Channel } from './channel.ts';
import type { StreamHandle } from './runtime.ts';
import { loadTcpProgress, type ReadTcpProgress, type TcpProgress } from './tcp-progress.ts';
import type { Timers } from './timers.ts';

export interface DeadPeersOptions {
  readonly timers: Timers;
  readonly limits: { readonly deadPeerMs: number; readonly keepAliveMs: number };
  /** for tests: instead of asking the kernel */
  readonly load?: () => ReadTcpProgress;
}

interface Watched {
  readonly handle: StreamHandle;
  readonly channel: Pick<Channel, 'abort' | 'onClosed'>;
  readonly onDead: () => void;
  /** so much of it was read when it was looked at last */
  readBytes: number;
  silentLooks: number;
  /** so much was written when all of it was known to be acknowledged */
  settledBytes: number;
}

const LOOK_MS = 1_000;
/** Only then is the kernel asked: nearly every connection says something, or owes nothing. */
const SILENT_LOOKS = 3;
/** On a network that loses one packet of two it happens to one in sixteen, who are silent for `deadPeerMs` besides. */
const MIN_UNANSWERED = 4;

/**
 * Ends connections whose peer is gone without a word: a node that stopped, a network that was cut. TCP itself sends
 * again for a quarter of an hour (net.ipv4.tcp_retries2) what nobody acknowledges; here it is given up when the kernel
 * has sent it four times in vain and heard nothing for `deadPeerMs`. A peer that does not read is not dead: it
 * answers the kernel's question for its window, which TCP_USER_TIMEOUT does not tell apart. Where nothing is owed
 * the kernel's keepalive finds out: after `keepAliveMs` it asks ten times, every second.
 */
export class DeadPeers {
  readonly #options: DeadPeersOptions;
  readonly #watched = new Set<Watched>();
  #progress: ReadTcpProgress | undefined;
  #isLooking = false;

  constructor(options: DeadPeersOptions) {
    this.#options = options;
  }

  /** `handle`: of the TCP connection under `channel`. `onDead`: before it is aborted. */
  watch(handle: StreamHandle, channel: Watched['channel'], onDead: () => void): void {
    const { deadPeerMs, keepAliveMs } = this.#options.limits;
    handle.setKeepAlive?.(true, Math.ceil(keepAliveMs / 1000));
    if (deadPeerMs === 0) return;
    const watched = { handle, channel, onDead, readBytes: 0, silentLooks: 0, settledBytes: 0 };
    this.#watched.add(watched);
    channel.onClosed(() => this.#watched.delete(watched));
    this.#lookLater();
  }

  get size(): number {
    return this.#watched.size;
  }

  #lookLater(): void {
    if (this.#isLooking || this.#watched.size === 0) return;
    this.#isLooking = true;
    this.#options.timers.after(LOOK_MS, () => {
      this.#isLooking = false;
      for (const each of [...this.#watched]) if (this.#isDead(each)) this.#end(each);
      this.#lookLater();
    });
  }

  #isDead(watched: Watched): boolean {
    const { bytesRead, bytesWritten, fd } = watched.handle;
    if (bytesRead !== watched.readBytes) {
      watched.readBytes = bytesRead;
      watched.silentLooks = 0;
      return false;
    }
    watched.silentLooks += 1;
    if (watched.silentLooks < SILENT_LOOKS || bytesWritten === watched.settledBytes || fd < 0) return false;
    const progress = this.#read(fd);
    if (progress?.isOwed === false) watched.settledBytes = bytesWritten;
    return progress !== undefined && this.#isGone(progress);
  }

  #isGone({ isOwed, unanswered, silentMs }: TcpProgress): boolean {
    return isOwed && unanswered >= MIN_UNANSWERED && silentMs >= this.#options.limits.deadPeerMs;
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched);
    watched.onDead();
    watched.channel.abort();
  }

  /** Where the kernel cannot be asked, its own patience is all there is. */
  #read(fd: number): TcpProgress | undefined {
    if (this.#progress === undefined) {
      try {
        this.#progress = (this.#options.load ?? loadTcpProgress)();
      } catch {
        this.#progress = () => undefined;
      }
    }
    return this.#progress(fd);
  }
}

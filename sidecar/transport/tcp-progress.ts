import { loadGetSockOpt } from './socket-option.ts';

/** How a connection gets on with what was written to it. */
export interface TcpProgress {
  /** something is still to be sent, or to be acknowledged */
  readonly isOwed: boolean;
  /** times in a row that something was sent again, or the peer's window was asked for, without a word */
  readonly unanswered: number;
  /** since the last acknowledgement */
  readonly silentMs: number;
}

/** Undefined: the kernel says nothing of it. */
export type ReadTcpProgress = (fd: number) => TcpProgress | undefined;

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const INFO_BYTES = 160;

/** Throws where the kernel is not Linux. */
export function loadTcpProgress(): ReadTcpProgress {
  if (process.platform !== 'linux') throw new Error('TCP_INFO is Linux');
  const getsockopt = loadGetSockOpt();
  const info = Buffer.alloc(INFO_BYTES);
  const length = Buffer.alloc(4);
  return (fd) => {
    length.writeUInt32LE(INFO_BYTES);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, length) !== 0) return undefined;
    return length.readUInt32LE() < NOT_SENT_BYTES + 4 ? undefined : readTcpInfo(info);
  };
}

/** Of struct tcp_info (linux/tcp.h), which only ever grows at its end; in the order of bytes of this machine. */
const RETRANSMITS = 2;
const PROBES = 3;
const UNACKED = 24;
const LAST_ACK_RECEIVED_MS = 56;
const NOT_SENT_BYTES = 144;

export function readTcpInfo(info: Buffer): TcpProgress {
  const [retransmits, probes] = [info.readUInt8(RETRANSMITS), info.readUInt8(PROBES)];
  return {
    isOwed: info.readUInt32LE(UNACKED) > 0 || info.readUInt32LE(NOT_SENT_BYTES) > 0,
    unanswered: Math.max(retransmits, probes),
    silentMs: info.readUInt32LE(LAST_ACK_RECEIVED_MS),
  };
}

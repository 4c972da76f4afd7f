import type { StreamHandle } from './runtime.ts';

/** One end of a connection. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export function hostPort({ address, port }: SocketAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

const UNKNOWN: SocketAddress = { address: '', port: 0 };

/** Of a connection that is closed: empty address, port 0. */
export function peerAddress(handle: StreamHandle | undefined): SocketAddress {
  return read((into) => handle?.getpeername?.(into));
}

export function ownAddress(handle: StreamHandle | undefined): SocketAddress {
  return read((into) => handle?.getsockname?.(into));
}

function read(
  fill: (into: Partial<{ address: string; port: number; family: string }>) => unknown,
): SocketAddress {
  const into: Partial<{ address: string; port: number; family: string }> = {};
  fill(into);
  const { address, port } = into;
  return address === undefined || port === undefined ? UNKNOWN : { address, port };
}

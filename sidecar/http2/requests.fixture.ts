import { connect } from 'node:net';
import type { Exchange, RequestReceiver } from '../http1/exchange.ts';
import { FRAME } from './frames/frame-types.ts';
import { frame } from './frames/frames.fixture.ts';
import { Peer } from './peer.fixture.ts';

export const LISTENER: RequestReceiver = {
  onRequestBody: () => {},
  onRequestEnd: () => {},
  onRequestAborted: () => {},
  onResponseDrained: () => {},
};
/** Takes a request and never answers. */
export const hold = (exchange: Exchange) => exchange.receive(LISTENER);
export const KIB = 1024;

export async function raw(port: number): Promise<Peer> {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  return new Peer(socket, false);
}
export const SETTINGS = frame(FRAME.settings, 0, 0);

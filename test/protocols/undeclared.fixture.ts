import net from 'node:net';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import { DEFAULT_LIMITS } from '../../sidecar/limits.ts';
import { Pair } from '../../sidecar/testing/pair.ts';
import { serve, type TestServer } from '../../sidecar/testing/wire.ts';

const { serverFirstWaitMs, speculationDelayMs } = DEFAULT_LIMITS;
/** The waits that users have. */
export const LIMITS = { serverFirstWaitMs, speculationDelayMs };

export const STRICT: ProxyConfig['inbound'] = {
  ports: [{ mtls: 'Strict', authorizationDefault: 'Allow' }],
  rules: [],
};

/** A server behind two sidecars, on a port of which nobody said what is spoken there. */
export interface Undeclared {
  /** what the client app dials */
  readonly port: number;
  /** what clients opened, and what came of it at the server */
  opened(): { readonly byClients: number; readonly atServer: number };
  readonly pair: Pair;
  stop(): Promise<void>;
}

/** client → outbound sidecar → Strict mTLS → inbound sidecar → server */
export async function undeclared(serverPort: number): Promise<Undeclared> {
  const atServer = await counting(serverPort);
  const pair = await Pair.start({ appPort: atServer.port, inbound: STRICT, limits: LIMITS });
  const byClients = await counting(pair.port);
  return {
    port: byClients.port,
    pair,
    opened: () => ({ byClients: byClients.accepted.length, atServer: atServer.accepted.length }),
    stop: async () => {
      await byClients.close();
      await pair.stop();
      await atServer.close();
    },
  };
}

/** A relay of bytes and of half-closes that counts connections. */
function counting(port: number): Promise<TestServer> {
  return serve((socket) => {
    const other = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    socket.setNoDelay();
    for (const [each, peer] of [
      [socket, other],
      [other, socket],
    ] as const) {
      each.on('error', () => {});
      each.on('close', () => peer.destroy());
      each.pipe(peer);
    }
  });
}

/** Connections that came to be while `act` was under way. */
export async function openedBy(
  { opened }: Undeclared,
  act: () => Promise<unknown>,
): Promise<ReturnType<Undeclared['opened']>> {
  const before = opened();
  await act();
  const after = opened();
  return {
    byClients: after.byClients - before.byClients,
    atServer: after.atServer - before.atServer,
  };
}

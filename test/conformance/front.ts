import type { ProxyConfig } from '../../api/proxy-config.ts';
import { TestAuthority } from '../../sidecar/testing/certificates.ts';
import { FakeState, proxyConfig } from '../../sidecar/testing/fake-state.ts';
import { Pair, startSide } from '../../sidecar/testing/pair.ts';

/** What a client dials to reach a backend through the mesh. */
export interface Front {
  readonly port: number;
  stop(): Promise<void>;
}

type Protocol = 'HTTP' | 'HTTP2';

const only = (protocol: Protocol): ProxyConfig['inbound'] => ({
  ports: [{ mtls: 'Permissive', protocol, authorizationDefault: 'Allow' }],
  rules: [],
});

/** One sidecar, as plaintext comes in from the network. */
export async function startInbound(appPort: number, protocol: Protocol = 'HTTP'): Promise<Front> {
  const authority = await TestAuthority.create();
  const state = new FakeState(await authority.workload('spiffe://cluster.local/ns/shop/sa/api'));
  const inbound = [{ address: '127.0.0.1', port: 0, appAddress: '127.0.0.1', appPort }];
  const listeners = { inbound, outbound: [], admin: { address: '127.0.0.1', port: 1 } };
  const side = await startSide(state, proxyConfig('api', { inbound: only(protocol), listeners }));
  return { port: side.path.addresses()[0]!.port, stop: () => side.path.stop() };
}

/** Two sidecars with mTLS between them. */
export async function startPair(appPort: number, protocol: Protocol = 'HTTP'): Promise<Front> {
  const pair = await Pair.start({ appPort, inbound: only(protocol), destination: { protocol } });
  return { port: pair.port, stop: () => pair.stop() };
}

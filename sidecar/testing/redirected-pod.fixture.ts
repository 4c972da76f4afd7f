import { createDataPath } from '../data-path.ts';
import { SILENT } from '../log.ts';
import { TestAuthority } from './certificates.ts';
import { destination, FakeState, proxyConfig } from './fake-state.ts';

/**
 * A sidecar as in a pod, for a network namespace with iptables rules: listens on 15001 and 15006, knows the
 * Service 10.96.0.1:80 as the pod itself, and demands mTLS. Says `ready` and then, on SIGTERM, its edges.
 */
const [podIp = '', appPort = ''] = process.argv.slice(2);
const self = 'spiffe://cluster.local/ns/shop/sa/web';
const authority = await TestAuthority.create();
const config = proxyConfig('web', {
  inbound: { ports: [{ mtls: 'Strict', authorizationDefault: 'Allow' }], rules: [] },
});
const state = new FakeState(await authority.workload(self), config);
state.destinations.set(
  '10.96.0.1:80',
  destination('10.96.0.1:80', [{ address: podIp, port: Number(appPort), spiffeId: self, workload: 'web' }]),
);
const path = createDataPath({ state, log: SILENT });
await path.start(config);
console.log('ready');
process.once('SIGTERM', () => {
  console.log(JSON.stringify(path.edges()));
  void path.stop().then(() => process.exit(0));
});

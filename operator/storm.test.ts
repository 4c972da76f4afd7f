import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from './clock.ts';
import { Authority } from './identity/authority.ts';
import type { Change } from './mesh/model.ts';
import { Operator } from './operator.ts';
import { policy, service, set, slice, workload } from './testing/builders.ts';
import { FakePlatform } from './testing/fake-platform.ts';
import { silentLog } from './testing/stream-fixture.ts';
import { TestSidecar } from './testing/test-sidecar.ts';
import { until } from './testing/until.ts';

const TURNS = 100;
const WINDOW_MS = 50;
const RULES = 10;
const WEB = workload('shop/web', { addresses: ['10.0.0.1'] });
const PAY = workload('shop/pay', { addresses: ['10.0.0.2'] });

/** Two policies that always change together, and all of whose fields say which turn they are of. */
function turnOf(turn: number): Change[] {
  const rules = Array.from({ length: RULES }, (_, rule) => ({
    ...{ name: `r${rule}`, action: 'Allow' as const, from: [{ serviceAccount: `turn-${turn}` }] },
  }));
  const generation = turn + 1;
  return set(
    'Policy',
    policy('shop/rules', { inbound: { authorization: { rules } } }, { generation }),
    policy(
      'shop/limits',
      {
        target: { kind: 'Service', name: 'web' },
        inbound: { mtls: { mode: turn % 2 ? 'Strict' : 'Permissive' } },
      },
      { generation },
    ),
    policy(
      'shop/protocol',
      { target: { kind: 'Service', name: 'pay' }, traffic: { protocol: turn % 2 ? 'HTTP' : 'GRPC' } },
      { generation },
    ),
  );
}

describe('a policy that flaps', () => {
  let platform: FakePlatform;
  let operator: Operator;
  let sidecar: TestSidecar;

  beforeEach(async () => {
    platform = new FakePlatform([
      ...set('Workload', WEB, PAY),
      ...set('Service', service('shop/web'), paymentService()),
      ...set('EndpointSlice', slice('shop/pay', { 'shop/pay': '10.0.0.2' })),
      ...turnOf(0),
    ]);
    operator = await Operator.start({
      ...{ platform, clock: systemClock, log: silentLog, random: Math.random },
      ...{ trustDomain: 'cluster.local', controlPlaneNamespace: 'weft-system' },
      listen: { host: '127.0.0.1', port: 0 },
    });
    sidecar = await connect();
  });
  afterEach(async () => {
    sidecar.close();
    await operator.stop();
  });

  function paymentService() {
    return service('shop/pay', { ports: [{ name: 'http', port: 80, protocol: undefined }] });
  }
  async function connect(): Promise<TestSidecar> {
    const authority = await Authority.load(platform.root!);
    const spiffeId = 'spiffe://cluster.local/ns/shop/sa/web';
    const leaf = await authority.issue({ spiffeId, dnsNames: [WEB.proxyId!] }, Date.now());
    const port = Number(operator.streamAddress.split(':').at(-1));
    const connected = new TestSidecar({ port }, operator.authority.trustBundle, leaf);
    connected.hello(WEB.proxyId!);
    connected.send({ type: 'subscribe', key: 'shop/pay:80' });
    await connected.get('config');
    await connected.get('destination');
    return connected;
  }

  it('is pushed a bounded number of times, never half applied, and ends as it is', async () => {
    const startedMs = performance.now();
    for (let turn = 1; turn <= TURNS; turn++) {
      platform.deliver(turnOf(turn));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const windows = Math.ceil((performance.now() - startedMs) / WINDOW_MS);
    const account = (config: Config) => config.inbound.rules[0]?.from?.[0]?.serviceAccount;
    const configs = () => sidecar.of('config').map(({ config }) => config as Config);
    await until(() => account(configs().at(-1)!) === `turn-${TURNS}`);
    await until(() => sidecar.of('destination').at(-1)?.destination.protocol === 'GRPC');

    for (const config of configs()) assertWhole(config);
    for (const kind of ['config', 'destination']) {
      const pushes = sidecar.of(kind).length;
      // One on connecting, one at once, and one for each window that began.
      assert.ok(pushes <= windows + 2, `${pushes} of ${kind} in ${windows} windows`);
    }
    const last = sidecar.of('destination').at(-1)!.destination;
    assert.equal(last.version.policies['uid-of-shop/protocol'], TURNS + 1);
  });

  it('is pushed at once when it changes after a while of quiet', async () => {
    const pushes = sidecar.of('config').length;
    platform.deliver(turnOf(1));
    await sidecar.get('config', pushes + 1);
    assertWhole(sidecar.of('config').at(-1)!.config);
  });
});

interface Config {
  readonly version: { readonly policies: Record<string, number> };
  readonly inbound: {
    readonly ports: readonly { readonly mtls: string }[];
    readonly rules: readonly { readonly from: readonly { readonly serviceAccount: string }[] }[];
  };
}

/** It is one of the turns, in every field. */
function assertWhole({ version, inbound }: Config): void {
  const turn = version.policies['uid-of-shop/rules']! - 1;
  assert.equal(version.policies['uid-of-shop/limits'], turn + 1);
  const accounts = inbound.rules.map(({ from }) => from[0]!.serviceAccount);
  assert.deepEqual(accounts, Array(RULES).fill(`turn-${turn}`));
  assert.equal(inbound.ports[0]!.mtls, turn % 2 ? 'Strict' : 'Permissive');
}

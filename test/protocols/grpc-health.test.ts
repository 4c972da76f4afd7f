import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { HEALTH_METHOD } from '../../sidecar/layers/grpc-health.ts';
import { until } from '../../sidecar/testing/harness.ts';
import { Pair } from '../../sidecar/testing/pair.ts';
import { ask } from '../../sidecar/testing/versions.ts';
import { nodePackages, reasonOf, without } from './tools.ts';
import { STRICT } from './undeclared.fixture.ts';

const asIs = (bytes: Buffer): Buffer => bytes;
const unary = (path: string) => ({
  ...{ path, requestStream: false, responseStream: false },
  ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
});
const SERVING = Buffer.from([8, 1]);
const NOT_SERVING = Buffer.from([8, 2]);
const NOT_FOUND = 5;
const OFTEN = { intervalMs: 100, timeoutMs: 10_000, unhealthyAfter: 1, healthyAfter: 1 };

const skip = (await without('npm')) || (await reasonOf(nodePackages()));

describe('health checks of a server of grpc-js, behind its sidecar', { skip }, () => {
  // biome-ignore lint/suspicious/noExplicitAny: its types are not installed with this project
  type Any = any;
  let grpc: Any;
  const servers: Any[] = [];
  /** by the name of the service, as its health service knows them */
  let states: Map<string, Buffer>;
  const pairs: Pair[] = [];

  async function serverOf(services: Readonly<Record<string, Any>>): Promise<number> {
    const server = new grpc.Server();
    for (const [path, handler] of Object.entries(services)) {
      server.addService({ call: unary(path) }, { call: handler });
    }
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error: Error, at: number) =>
        error ? reject(error) : resolve(at),
      ),
    );
    servers.push(server);
    return port;
  }

  /** Checks begin with the first request. */
  async function checked(appPort: number, service?: string): Promise<Pair> {
    const healthCheck = { grpc: service === undefined ? {} : { service }, ...OFTEN };
    const pair = await Pair.start({ appPort, inbound: STRICT, destination: { traffic: { healthCheck } } });
    pairs.push(pair);
    await ask('grpc', pair.port, { path: '/shop.Orders/Get' });
    return pair;
  }
  const verdicts = ({ web }: Pair) =>
    web.said.filter(({ message }) => String(message).includes('health checks')).map(({ reason }) => reason);

  before(async () => {
    grpc = createRequire(join(await nodePackages(), 'package.json'))('@grpc/grpc-js');
    states = new Map([
      ['', SERVING],
      ['shop.Orders', SERVING],
    ]);
  });
  after(async () => {
    for (const pair of pairs) await pair.stop();
    for (const server of servers) server.forceShutdown();
  });

  /** HealthCheckRequest {string service = 1} */
  const health = (call: Any, done: Any) => {
    const state = states.get(call.request.subarray(2).toString());
    if (state === undefined) done({ code: NOT_FOUND, details: 'no such service' });
    else done(null, state);
  };

  it('follow one service that goes and comes back, while the others serve', async () => {
    const port = await serverOf({ [HEALTH_METHOD]: health });
    const [whole, orders, unknown] = [
      await checked(port),
      await checked(port, 'shop.Orders'),
      await checked(port, 'b'),
    ];
    states.set('shop.Orders', NOT_SERVING);
    await until(() => verdicts(orders).length === 1);
    states.set('shop.Orders', SERVING);
    await until(() => verdicts(orders).length === 2);
    assert.deepEqual(verdicts(orders), ['answered NOT_SERVING', 'answered SERVING']);
    assert.deepEqual(verdicts(whole), []);
    await until(() => verdicts(unknown).length === 1);
    assert.deepEqual(verdicts(unknown), ['answered grpc-status 5 NOT_FOUND']);
  });

  it('fail where there is no health service', async () => {
    const port = await serverOf({ '/shop.Orders/Get': (call: Any, done: Any) => done(null, call.request) });
    const pair = await checked(port);
    await until(() => verdicts(pair).length === 1);
    assert.deepEqual(verdicts(pair), ['answered grpc-status 12 UNIMPLEMENTED']);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { nodePackages, reasonOf, without } from './tools.ts';
import { openedBy, type Undeclared, undeclared } from './undeclared.fixture.ts';

/** Bytes as they are: no messages are described. */
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  ...{ path: `/shop.Orders/${path}`, requestStream, responseStream },
  ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
});
const asIs = (bytes: Buffer): Buffer => bytes;
const SERVICE = {
  unary: method('Unary', false, false),
  refused: method('Refused', false, false),
  down: method('Down', false, true),
  up: method('Up', true, false),
  both: method('Both', true, true),
};
const NOT_FOUND = 5;

const skip = (await without('npm')) || (await reasonOf(nodePackages()));

describe('grpc-js: its client and its server, nothing declared', { skip }, () => {
  // biome-ignore lint/suspicious/noExplicitAny: its types are not installed with this project
  type Any = any;
  let grpc: Any;
  let server: Any;
  let client: Any;
  let mesh: Undeclared;

  before(async () => {
    grpc = createRequire(join(await nodePackages(), 'package.json'))('@grpc/grpc-js');
    server = new grpc.Server();
    server.addService(SERVICE, {
      unary: (call: Any, done: Any) => done(null, call.request),
      refused: (_call: Any, done: Any) => done({ code: NOT_FOUND, details: 'no such order' }),
      down: (call: Any) => {
        for (let index = 0; index < 50; index += 1) call.write(Buffer.from(String(index)));
        call.end();
      },
      up: (call: Any, done: Any) => {
        let bytes = 0;
        call.on('data', (piece: Buffer) => {
          bytes += piece.length;
        });
        call.on('end', () => done(null, Buffer.from(String(bytes))));
      },
      both: (call: Any) => {
        call.on('data', (piece: Buffer) => call.write(piece));
        call.on('end', () => call.end());
      },
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(
        '127.0.0.1:0',
        grpc.ServerCredentials.createInsecure(),
        (error: Error, bound: number) => (error ? reject(error) : resolve(bound)),
      ),
    );
    mesh = await undeclared(port);
    const Client = grpc.makeGenericClientConstructor(SERVICE, 'Orders');
    client = new Client(`127.0.0.1:${mesh.port}`, grpc.credentials.createInsecure());
  });
  after(async () => {
    client?.close();
    server?.forceShutdown();
    await mesh?.stop();
  });

  const ask = (name: string, message: Buffer) =>
    new Promise<Buffer>((resolve, reject) =>
      client[name](message, (error: Error | null, answer: Buffer) =>
        error ? reject(error) : resolve(answer),
      ),
    );

  it('100 calls go over one connection', async () => {
    const { byClients } = await openedBy(mesh, async () => {
      for (let turn = 0; turn < 100; turn += 1) {
        assert.equal((await ask('unary', Buffer.from(`order ${turn}`))).toString(), `order ${turn}`);
      }
    });
    assert.equal(byClients, 1);
  });

  it('a refusal keeps its code and its words', async () => {
    await assert.rejects(ask('refused', Buffer.alloc(1)), { code: NOT_FOUND, details: 'no such order' });
  });

  it('a server streams', async () => {
    const heard: string[] = [];
    for await (const piece of client.down(Buffer.alloc(1))) heard.push(String(piece));
    assert.deepEqual(
      heard,
      Array.from({ length: 50 }, (_, index) => String(index)),
    );
  });

  it('a client streams', async () => {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const call = client.up((error: Error | null, bytes: Buffer) =>
        error ? reject(error) : resolve(bytes),
      );
      for (let index = 0; index < 50; index += 1) call.write(Buffer.alloc(10_000));
      call.end();
    });
    assert.equal(answer.toString(), '500000');
  });

  it('both stream: each message comes back before the next is sent', async () => {
    const call = client.both();
    for (let index = 0; index < 20; index += 1) {
      const back = once(call, 'data');
      call.write(Buffer.from(`message ${index}`));
      assert.equal(String((await back)[0]), `message ${index}`);
    }
    call.end();
    call.resume();
    await once(call, 'end');
  });
});

import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findOnPath, run } from '../cluster/command.ts';
import { temporaryFolder } from './server-process.ts';
import { nodePackages, pythonPackages, reasonOf, without } from './tools.ts';
import { type Undeclared, undeclared } from './undeclared.fixture.ts';

/**
 * The cases of the Autobahn test suite, driven by kosoku (a runner of them that needs no Python 2), against the echo
 * server of `ws`, which passes them all by itself: what fails is the mesh's doing.
 */
const SUITES = {
  'frames, pings, reserved bits, opcodes and fragments': ['1.*', '2.*', '3.*', '4.*', '5.*'],
  'UTF-8 and closing': ['6.*', '7.*'],
  'messages of up to 16 MB, in one frame and in many': ['9.*', '10.*'],
  // of each kind of compression the small messages: all of them take minutes
  'permessage-deflate': ['12.1.1', '12.2.1', '13.1.1', '13.3.1'],
} as const;
const MAX_TURNS = 4;
const PASSED = /^(?:OK|NON-STRICT|INFORMATIONAL)$/;

interface EchoServer {
  readonly port: number;
  stop(): Promise<void>;
}
interface Case {
  readonly behavior: string;
  readonly behaviorClose: string;
}

const skip =
  (await without('python3', 'pip3', 'npm')) ||
  (await reasonOf(pythonPackages())) ||
  (await reasonOf(nodePackages()));

describe('WebSocket through two sidecars: the cases of Autobahn', { skip }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: EchoServer;
  let mesh: Undeclared;

  before(async () => {
    folder = await temporaryFolder();
    server = await startEcho();
    mesh = await undeclared(server.port);
  });
  after(async () => {
    await mesh?.stop();
    await server?.stop();
    await folder?.remove();
  });

  /** By case. */
  async function drive(cases: readonly string[], parallel: number): Promise<Record<string, Case>> {
    const reports = join(folder.path, 'reports');
    const include = cases.flatMap((each) => ['-i', each]);
    const args = ['-c', 'from kosoku._cli import main; main()', '-p', String(parallel), ...include];
    const env = { PYTHONPATH: await pythonPackages() };
    const { code, stdout, stderr } = await run(
      findOnPath('python3')!,
      [...args, '-o', reports, `127.0.0.1:${mesh.port}`],
      { env },
    );
    assert.ok(code === 0 || code === 1, `${stdout}${stderr}`.slice(-4_000));
    const agents = JSON.parse(await readFile(join(reports, 'index.json'), 'utf8'));
    await rm(reports, { recursive: true });
    return Object.values(agents as Record<string, Record<string, Case>>)[0]!;
  }

  for (const [name, cases] of Object.entries(SUITES)) {
    it(`all pass of ${name}`, async (t) => {
      const results = Object.entries(await drive(cases, 4));
      assert.ok(results.length >= cases.length);
      let failed = results.filter(([, result]) => !isPassed(result)).map(([id]) => id);
      t.diagnostic(`${results.length} cases, ${failed.length} again by themselves`);
      // cases have deadlines of half a second, which a busy machine may miss
      for (let turn = 0; turn < MAX_TURNS && failed.length > 0; turn += 1) {
        const again = await drive(failed, 1);
        failed = failed.filter((id) => !isPassed(again[id]!));
      }
      assert.deepEqual(failed, []);
    });
  }
});

const isPassed = ({ behavior, behaviorClose }: Case): boolean =>
  PASSED.test(behavior) && PASSED.test(behaviorClose);

async function startEcho(): Promise<EchoServer> {
  const { WebSocketServer } = createRequire(join(await nodePackages(), 'package.json'))('ws');
  const server = new WebSocketServer({
    ...{ port: 0, host: '127.0.0.1', perMessageDeflate: true },
    // the suite sends 16 MB, in fragments of 64 bytes
    ...{ maxPayload: 2 ** 25, maxFragments: 2 ** 20, maxBufferedChunks: 2 ** 20 },
  });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket: WebSocketLike) => {
    socket.on('error', () => {});
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  return {
    port: server.address().port,
    stop: () => {
      for (const socket of server.clients) socket.terminate();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface WebSocketLike {
  on(event: 'error', listener: () => void): void;
  on(event: 'message', listener: (data: Buffer, binary: boolean) => void): void;
  send(data: Buffer, options: { readonly binary: boolean }): void;
}

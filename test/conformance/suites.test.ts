import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { serveVersion, type VersionServer } from '../../sidecar/testing/versions.ts';
import { freePorts } from '../free-ports.ts';
import { type Front, startInbound, startPair } from './front.ts';
import { goBinary, withoutGo } from './go-binary.ts';

const DIRECTORY = new URL('go-suites/', import.meta.url);
const PINNED = ['go.mod', 'go.sum', 'tools.go'];
const FRONTS = [
  ['one sidecar', startInbound],
  ['two sidecars', startPair],
] as const;
const CASE_MS = 30_000;

/** Of gRPC's interoperability tests those its Go client and server have that need no credentials of a cloud. */
const CASES = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
  'rpc_soak',
  'channel_soak',
];

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function run(binary: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: CASE_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const skip = withoutGo() ?? false;

for (const [name, startFront] of FRONTS) {
  describe(`h2spec against ${name}`, { skip }, () => {
    let app: VersionServer;
    let front: Front;
    let h2spec: string;
    before(async () => {
      h2spec = await goBinary('h2spec', DIRECTORY, PINNED, 'github.com/summerwind/h2spec/cmd/h2spec');
      app = await serveVersion('http2', (seen) => seen.answer(200, 'x'.repeat(100)));
      front = await startFront(app.port, 'HTTP2');
    });
    after(async () => {
      await front.stop();
      await app.close();
    });

    for (const part of ['generic', 'http2', 'hpack']) {
      it(`is green in all of ${part}, strictly`, async () => {
        const port = String(front.port);
        const { code, output } = await run(h2spec, ['-h', '127.0.0.1', '-p', port, '--strict', part]);
        assert.match(output, /[1-9][0-9]* tests, [0-9]+ passed, 0 skipped, 0 failed/);
        assert.equal(code, 0, output);
      });
    }
  });

  describe(`gRPC’s own client and server, through ${name}`, { skip }, () => {
    let front: Front;
    let client: string;
    let stopServer: () => Promise<void>;
    before(async () => {
      client = await goBinary('grpc-client', DIRECTORY, PINNED, 'google.golang.org/grpc/interop/client');
      const server = await goBinary(
        'grpc-server',
        DIRECTORY,
        PINNED,
        'google.golang.org/grpc/interop/server',
      );
      const [port] = (await freePorts(1)) as [number];
      const child = spawn(server, [`--port=${port}`], { stdio: 'ignore' });
      const exited = once(child, 'exit');
      stopServer = async () => {
        child.kill();
        await exited;
      };
      front = await startFront(port, 'HTTP2');
      const args = ['--server_host=127.0.0.1', `--server_port=${front.port}`, '--test_case=empty_unary'];
      // until it listens
      for (let turn = 0; turn < 50; turn += 1) if ((await run(client, args)).code === 0) break;
    });
    after(async () => {
      await front.stop();
      await stopServer();
    });

    for (const testCase of CASES) {
      it(`agree on ${testCase}`, async () => {
        const { code, output } = await run(client, [
          ...['--server_host=127.0.0.1', `--server_port=${front.port}`],
          ...[`--test_case=${testCase}`, '--soak_iterations=20'],
        ]);
        assert.equal(code, 0, output);
      });
    }
  });
}

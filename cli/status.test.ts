import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

const WEFT = join(import.meta.dirname, '../weft.ts');

const EMPTY = [200, { items: [], metadata: {} }] as const;
const NAMESPACE = '/api/v1/namespaces/shop';
type Answers = Readonly<Record<string, readonly [status: number, body: object]>>;

/** A kubeconfig for an API server that answers these paths, and no pod and no policy else. */
async function kubeconfig(t: TestContext, answers: Answers): Promise<string> {
  const server = createServer((request, response) => {
    const [status, body] = answers[request.url!.split('?')[0]!] ?? EMPTY;
    response.writeHead(status, { connection: 'close' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const folder = await mkdtemp(join(tmpdir(), 'weft-status-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function status(t: TestContext, answers: Answers, ...args: string[]): Promise<Outcome> {
  const file = await kubeconfig(t, answers);
  const asked = args.length === 0 ? ['-n', 'shop'] : args;
  return new Promise((resolve) => {
    const command = [WEFT, 'status', '--kubeconfig', file, ...asked];
    execFile(process.execPath, command, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

const NOTHING = { code: 0, stdout: 'no pod with a sidecar\n\nno policy\n', stderr: '' };
const FORBIDDEN = [403, { message: 'namespaces "shop" is forbidden' }] as const;

describe('weft status of a namespace in which nothing is', () => {
  it('says that it does not exist', async (t) => {
    const { code, stdout, stderr } = await status(t, { [NAMESPACE]: [404, { message: 'not found' }] });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^weft: there is no namespace shop in the cluster at http:/);
  });

  it('says that nothing is there, where it exists', async (t) => {
    assert.deepEqual(await status(t, { [NAMESPACE]: [200, { metadata: { name: 'shop' } }] }), NOTHING);
  });

  it('says that nothing is there, where nobody may look at namespaces', async (t) => {
    assert.deepEqual(await status(t, { [NAMESPACE]: FORBIDDEN }), NOTHING);
  });

  it('does not ask for a namespace where all are meant', async (t) => {
    assert.deepEqual(await status(t, { [NAMESPACE]: [404, {}] }, '-A'), NOTHING);
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { findOnPath, runOk } from '../cluster/command.ts';
import { freePorts } from '../free-ports.ts';
import { mariadb, type Served, startMariadb } from './mariadb.fixture.ts';
import { psql, startPostgres } from './postgres.fixture.ts';
import { ServerProcess, temporaryFolder } from './server-process.ts';
import { without } from './tools.ts';
import { openedBy, type Undeclared, undeclared } from './undeclared.fixture.ts';

/** Real databases and their own clients, through two sidecars, on ports of which nothing is declared. */

/** The server and the mesh before it, for the tests of one `describe`. */
function served(start: () => Promise<Served>): { readonly mesh: Undeclared } {
  let server: Served | undefined;
  const parts = {} as { mesh: Undeclared };
  before(async () => {
    server = await start();
    parts.mesh = await undeclared(server.port);
  });
  after(async () => {
    await parts.mesh?.stop();
    await server?.stop();
  });
  return parts;
}

/** Also the first time, an opaque connection of a client is one at the server. */
async function assertOneEach(mesh: Undeclared, count: number, act: () => Promise<unknown>): Promise<void> {
  assert.deepEqual(await openedBy(mesh, act), { byClients: count, atServer: count });
}

const noMariadb = await without('mariadbd', 'mariadb');
describe('MariaDB, whose server speaks first', { skip: noMariadb }, () => {
  const parts = served(startMariadb);

  it('answers its client, the first time and when the verdict is learned, with one connection each', async () => {
    const { mesh } = parts;
    for (let turn = 0; turn < 4; turn += 1) {
      await assertOneEach(mesh, 1, async () =>
        assert.equal(await mariadb(mesh.port, 'SELECT 6 * 7'), '42\n'),
      );
    }
  });

  it('keeps what is written to it, and sends large answers whole', async () => {
    const { port } = parts.mesh;
    const insert = 'INSERT INTO shop.orders SELECT seq, REPEAT(MD5(seq), 32) FROM seq_1_to_5000';
    await mariadb(
      port,
      `CREATE DATABASE shop; USE shop; CREATE TABLE shop.orders (id INT, what TEXT); ${insert}`,
    );
    const rows = (await mariadb(port, 'SELECT what FROM shop.orders ORDER BY id')).split('\n');
    assert.equal(rows.length, 5_001);
    assert.ok(rows.slice(0, 5_000).every((row) => row.length === 1_024));
  });
});

const noPostgres = await without('pg_createcluster', 'psql');
describe('PostgreSQL', { skip: noPostgres }, () => {
  const parts = served(startPostgres);
  const IS_TLS = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

  it('is upgraded to TLS inside its protocol, and spoken to without, whichever came before', async () => {
    const { mesh } = parts;
    for (const mode of ['require', 'disable', 'disable', 'require', 'require'] as const) {
      await assertOneEach(mesh, 1, async () =>
        assert.equal(await psql(mesh.port, mode, IS_TLS), mode === 'require' ? 't\n' : 'f\n'),
      );
    }
  });

  for (const mode of ['require', 'disable'] as const) {
    it(`sends large answers whole (sslmode=${mode})`, async () => {
      const copy = `COPY (SELECT repeat(md5(i::text), 32) FROM generate_series(1, 5000) i) TO STDOUT`;
      const rows = (await psql(parts.mesh.port, mode, copy)).split('\n');
      assert.equal(rows.length, 5_001);
      assert.ok(rows.slice(0, 5_000).every((row) => row.length === 1_024));
    });
  }
});

const noRedis = await without('redis-server', 'redis-cli');
describe('Redis', { skip: noRedis }, () => {
  const parts = served(startRedis);
  const redis = (args: readonly string[], input = '') =>
    runOk('redis-cli', ['-p', String(parts.mesh.port), ...args], { input });

  it('answers its client, the first time and when the verdict is learned, with one connection each', async () => {
    for (let turn = 0; turn < 4; turn += 1) {
      await assertOneEach(parts.mesh, 1, async () =>
        assert.equal(await redis(['INCR', 'turns']), `${turn + 1}\n`),
      );
    }
  });

  it('takes commands that are pipelined, and answers each', async () => {
    const command = (index: number) => {
      const words = ['SET', `key-${index}`, 'x'.repeat(100)];
      return `*3\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
    };
    const said = await redis(
      ['--pipe'],
      Array.from({ length: 20_000 }, (_, index) => command(index)).join(''),
    );
    assert.match(said, /errors: 0, replies: 20000/);
    assert.equal(await redis(['STRLEN', 'key-19999']), '100\n');
  });

  it('publishes to a client that waits without a word', async () => {
    const waiting = spawn(findOnPath('redis-cli')!, ['-p', String(parts.mesh.port), 'SUBSCRIBE', 'news'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let heard = '';
    waiting.stdout.on('data', (bytes: Buffer) => {
      heard += bytes;
    });
    const hears = async (wanted: string) => {
      while (!heard.includes(wanted)) await once(waiting.stdout, 'data');
    };
    try {
      await hears('subscribe\nnews\n1\n');
      for (const news of ['one', 'two', 'three']) {
        assert.equal(await redis(['PUBLISH', 'news', news]), '1\n');
        await hears(`message\nnews\n${news}\n`);
      }
    } finally {
      waiting.kill();
      await once(waiting, 'close');
    }
  });
});

async function startRedis(): Promise<Served> {
  const folder = await temporaryFolder();
  const [port] = (await freePorts(1)) as [number];
  const server = await ServerProcess.start(port, 'redis-server', [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder.path, '--save', ''],
  ]);
  return {
    port,
    stop: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

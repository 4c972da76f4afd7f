import { readdirSync } from 'node:fs';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestAuthority } from '../../sidecar/testing/certificates.ts';
import { findOnPath, runOk } from '../cluster/command.ts';
import { freePorts } from '../free-ports.ts';
import type { Served } from './mariadb.fixture.ts';
import { NOBODY, ServerProcess, temporaryFolder } from './server-process.ts';

const DEBIAN = '/usr/lib/postgresql';

/** PostgreSQL, which offers TLS inside its protocol. It refuses to be root. */
export async function startPostgres(): Promise<Served> {
  const uid = process.getuid?.() === 0 ? NOBODY : undefined;
  const folder = await temporaryFolder(uid);
  const [port] = (await freePorts(1)) as [number];
  const data = join(folder.path, 'data');
  const initdb = [program('initdb'), '-D', data, '-U', 'weft', '-A', 'trust', '--no-sync', '-E', 'UTF8'];
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const [first = '', ...more] = [...as, ...initdb];
  await runOk(first, more, { cwd: '/' });
  const { certificate, key } = await writeCertificate(folder.path, uid);
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder.path,
    fsync: 'off',
    ssl: 'on',
    ssl_cert_file: certificate,
    ssl_key_file: key,
  };
  const server = await ServerProcess.start(
    port,
    program('postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    // SIGINT: ends without waiting for clients
    { stopBy: 'SIGINT', ...(uid === undefined ? {} : { uid }) },
  );
  return {
    port,
    stop: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

async function writeCertificate(
  folder: string,
  uid: number | undefined,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const authority = await TestAuthority.create();
  const leaf = await authority.leaf({ uris: [], dnsNames: ['localhost'] });
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  await writeFile(certificate, leaf.certificate);
  await writeFile(key, leaf.privateKey, { mode: 0o600 });
  if (uid !== undefined) await chown(key, uid, uid);
  return { certificate, key };
}

/** Debian keeps the server's programs off the path, by version. */
function program(name: string): string {
  const onPath = findOnPath(name);
  if (onPath !== undefined) return onPath;
  const newest = readdirSync(DEBIAN)
    .sort((a, b) => Number(b) - Number(a))
    .at(0);
  return join(DEBIAN, newest ?? '', 'bin', name);
}

/** What the client prints of an answer. `sslmode`: as in libpq. */
export const psql = (port: number, sslmode: 'require' | 'disable', sql: string): Promise<string> =>
  runOk('psql', ['--no-psqlrc', '--tuples-only', '--no-align', '--command', sql], {
    env: {
      ...{ PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'weft', PGDATABASE: 'postgres' },
      ...{ PGSSLMODE: sslmode, PGGSSENCMODE: 'disable' },
    },
  });

import { join } from 'node:path';
import { runOk } from '../cluster/command.ts';
import { freePorts } from '../free-ports.ts';
import { ServerProcess, temporaryFolder } from './server-process.ts';

/** A running server of others and the ways its clients are called. */
export interface Served {
  readonly port: number;
  stop(): Promise<void>;
}

/** MariaDB, in whose protocol the server speaks first. */
export async function startMariadb(): Promise<Served> {
  const folder = await temporaryFolder();
  const [port] = (await freePorts(1)) as [number];
  const data = join(folder.path, 'data');
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  await runOk('mariadb-install-db', [
    ...['--no-defaults', `--datadir=${data}`, '--skip-test-db', ...user],
    '--auth-root-authentication-method=normal',
  ]);
  const server = await ServerProcess.start(port, 'mariadbd', [
    ...['--no-defaults', `--datadir=${data}`, '--bind-address=127.0.0.1', `--port=${port}`, ...user],
    ...[
      `--socket=${join(folder.path, 'socket')}`,
      '--skip-name-resolve',
      '--innodb-flush-log-at-trx-commit=0',
    ],
  ]);
  return {
    port,
    stop: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

/** What the client prints of an answer, without headings. */
export const mariadb = (port: number, sql: string): Promise<string> =>
  runOk('mariadb', [
    ...['--no-defaults', '--protocol=tcp', '--host=127.0.0.1', `--port=${port}`, '--user=root'],
    ...['--batch', '--skip-column-names', '--execute', sql],
  ]);

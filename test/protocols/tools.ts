import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, writeAtomically } from '../cluster/cache.ts';
import { findOnPath, runOk } from '../cluster/command.ts';
import { ensureCommands, type SystemCommand } from '../cluster/packages.ts';
import { showProgress, step } from '../cluster/progress.ts';

/** Installs the packages of these commands. Resolves with what stands in the way; false: nothing. */
export const without = (...commands: SystemCommand[]): Promise<string | false> =>
  reasonOf(ensureCommands(commands, showProgress));

/** The folder of the pinned Python packages, for PYTHONPATH. */
export const pythonPackages = (): Promise<string> =>
  installed('python', ['requirements.txt'], (to, from) =>
    runOk(findOnPath('pip3')!, [
      ...['install', '--quiet', '--disable-pip-version-check', '--no-deps'],
      ...['--target', to, '-r', join(from, 'requirements.txt')],
    ]),
  );

/** The folder that has the pinned packages of Node in its `node_modules`. */
export const nodePackages = (): Promise<string> =>
  installed('node', ['package.json', 'package-lock.json'], async (to, from) => {
    await mkdir(to);
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(join(from, file), join(to, file));
    await runOk(findOnPath('npm')!, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: to });
  });

/** What stands in the way of installing; false: nothing. */
export const reasonOf = (installing: Promise<unknown>): Promise<string | false> =>
  installing.then(
    () => false,
    (error: Error) => error.message,
  );

/** Once for each state of the files that pin the versions. */
async function installed(
  name: string,
  pins: readonly string[],
  install: (to: string, from: string) => Promise<unknown>,
): Promise<string> {
  const from = join(import.meta.dirname, name);
  const hash = createHash('sha256');
  for (const pin of pins) hash.update(await readFile(join(from, pin)));
  const folder = cacheDirectory('protocols', `${name}-${hash.digest('hex').slice(0, 16)}`);
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await step(showProgress, `installing test/protocols/${name}`, () =>
      writeAtomically(folder, async (to) => void (await install(to, from))),
    );
  }
  return folder;
}

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { withWorkDirectory, writeImageArchive } from './archive.ts';
import { cacheDirectory, writeAtomically } from './cache.ts';
import { findOnPath, runOk } from './command.ts';
import { ensureCommands } from './packages.ts';
import { type Progress, step } from './progress.ts';

// Stand-ins for the images that Dockerfiles begin from, made of Debian's packages, under the same names: they serve
// where no image registry is reached, and Dockerfiles need no change for it.
export const debianImage = 'docker.io/library/debian:bookworm-slim';
export const nodeImage = `docker.io/library/node:${process.versions.node.split('.')[0]}-bookworm-slim`;

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);

// What Debian's slim image leaves out too.
const bootstrapArgs = [
  '--variant=minbase',
  '--dpkgopt=path-exclude=/usr/share/doc/*',
  '--dpkgopt=path-exclude=/usr/share/man/*',
  '--dpkgopt=path-exclude=/usr/share/locale/*',
  'bookworm',
];

async function ensureDebianLayer(progress: Progress): Promise<string> {
  const path = cacheDirectory('images', `debian-${hashOf(bootstrapArgs.join(' '))}.layer`);
  if (existsSync(path)) return path;
  await ensureCommands(['mmdebstrap'], progress);
  await step(progress, 'making the Debian base image', ({ note }) =>
    writeAtomically(path, async (temporary) => {
      await runOk('mmdebstrap', ['--format=tar', ...bootstrapArgs, temporary], { onOutput: note });
    }),
  );
  return path;
}

/** The npm that comes with a Node on this machine, if there is one: Dockerfiles that run it need it. */
function findNpm(): string | undefined {
  const command = findOnPath('npm');
  const directory = command && dirname(dirname(realpathSync(command)));
  return directory && existsSync(join(directory, 'bin', 'npm-cli.js')) ? directory : undefined;
}

/** The files that Node's image has more than Debian's: node, npm, and the user `node`. */
function stageNode(directory: string, passwd: string, group: string): void {
  const local = join(directory, 'usr/local');
  mkdirSync(join(local, 'bin'), { recursive: true });
  copyFileSync(realpathSync(process.execPath), join(local, 'bin/node'));
  const npm = findNpm();
  if (npm) {
    cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true, dereference: true });
    for (const name of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
    }
  }
  mkdirSync(join(directory, 'etc'));
  mkdirSync(join(directory, 'home/node'), { recursive: true });
  writeFileSync(join(directory, 'etc/passwd'), `${passwd}node:x:1000:1000::/home/node:/bin/bash\n`);
  writeFileSync(join(directory, 'etc/group'), `${group}node:x:1000:\n`);
}

async function ensureNodeLayer(debian: string): Promise<string> {
  const version = `2 ${process.version} ${findNpm() ?? ''} ${debian}`;
  const path = cacheDirectory('images', `node-${hashOf(version)}.layer`);
  if (existsSync(path)) return path;
  await withWorkDirectory(path, async (directory) => {
    const read = (file: string) =>
      runOk('tar', ['--extract', '--to-stdout', '--file', debian, `./etc/${file}`]);
    stageNode(directory, await read('passwd'), await read('group'));
    await writeAtomically(path, async (temporary) => {
      const add = (mode: string, owner: number, entries: string[]) => {
        const ids = [`--owner=${owner}`, `--group=${owner}`, '--numeric-owner'];
        return runOk('tar', [mode, ...ids, '--file', temporary, '--directory', directory, ...entries]);
      };
      await add('--create', 0, ['etc', 'usr']);
      await add('--append', 1000, ['home/node']);
    });
  });
  return path;
}

export interface BaseImage {
  tag: string;
  archive: string;
}

/** The archives of the images that Dockerfiles may begin from. */
export async function ensureBaseImages(progress: Progress): Promise<BaseImage[]> {
  const debian = await ensureDebianLayer(progress);
  const node = await ensureNodeLayer(debian);
  const images = [
    { tag: debianImage, layers: [debian], config: { Cmd: ['bash'] } },
    { tag: nodeImage, layers: [debian, node], config: { Cmd: ['node'] } },
  ];
  const made: BaseImage[] = [];
  for (const { tag, layers, config } of images) {
    const archive = cacheDirectory('images', `base-${hashOf(`2 ${tag} ${layers.join(' ')}`)}.tar`);
    if (!existsSync(archive)) await writeImageArchive(archive, tag, layers, config);
    made.push({ tag, archive });
  }
  return made;
}

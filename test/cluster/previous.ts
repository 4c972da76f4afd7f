import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { run, runOk } from './command.ts';
import { buildImage, buildOnce } from './images.ts';
import { IMAGE } from './scenario.ts';

/**
 * The version that this one promises to work beside: upgrades begin there and lead back there. Move it on when that
 * promise moves on, with every minor version.
 */
const LAST_COMPATIBLE = '4d107427a9e9c5bd67ef7e8209b9cc7da8742d73';

/** Another version of Weft: its chart, and its image in the node. */
export interface PreviousWeft {
  readonly chart: string;
  readonly tag: string;
  /** this tree stands for it, under another tag: where there is no history there is no other version */
  readonly isThisTree: boolean;
  /** removes what was unpacked */
  remove(): void;
}

/** Unpacks and builds WEFT_TEST_UPGRADE_FROM, a commit, or else the last that is promised to work beside this one. */
export async function loadPrevious(cluster: Cluster): Promise<PreviousWeft> {
  const wanted = process.env.WEFT_TEST_UPGRADE_FROM;
  const commit = await findCommit(wanted ?? LAST_COMPATIBLE);
  if (commit === undefined && wanted !== undefined) throw new Error(`there is no commit ${wanted}`);
  if (commit === undefined) return loadThisTree(cluster);
  const folder = mkdtempSync(join(tmpdir(), 'weft-previous-'));
  const tag = commit.slice(0, 12);
  const archive = join(folder, 'tree.tar');
  await runOk('git', ['archive', '--output', archive, commit]);
  await runOk('tar', ['--extract', '--file', archive, '--directory', folder]);
  rmSync(archive);
  const image = await buildOnce(`weft-${tag}`, () => buildImage(folder, `${IMAGE}:${tag}`));
  await cluster.importImage(image);
  const remove = () => rmSync(folder, { recursive: true });
  return { chart: join(folder, 'helm/weft'), tag, isThisTree: false, remove };
}

async function findCommit(name: string): Promise<string | undefined> {
  const { code, stdout } = await run('git', ['rev-parse', '--verify', '--quiet', `${name}^{commit}`]);
  return code === 0 ? stdout.trim() : undefined;
}

async function loadThisTree(cluster: Cluster): Promise<PreviousWeft> {
  const tag = 'same';
  await cluster.importImage(await buildImage('.', `${IMAGE}:${tag}`));
  return { chart: 'helm/weft', tag, isThisTree: true, remove: () => {} };
}

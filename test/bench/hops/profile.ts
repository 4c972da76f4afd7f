import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpuProfile, profileText, selfTimes, sourcesOf } from '../report/profile.ts';
import { startLane, type Traffic } from './cpu.ts';
import type { Bench } from './hop.ts';

const TOP = 30;
const WARM_UP_SECONDS = 2;

/** Runs Weft alone on a hop's traffic under V8's profiler and says where its time went. */
export async function profileHop(bench: Bench, hop: string, traffic: Traffic): Promise<string> {
  const dir = join(bench.dir, `profile-${hop}`);
  mkdirSync(dir);
  const runtimeFlags = [...bench.runtimeFlags, '--cpu-prof', `--cpu-prof-dir=${dir}`];
  const lane = await startLane({ ...bench, runtimeFlags }, 'weft', traffic);
  try {
    await lane.run(WARM_UP_SECONDS);
    const { requests, seconds } = await lane.run(bench.seconds);
    bench.say(`  ${Math.round(requests / seconds)} requests a second under the profiler`);
  } finally {
    await lane.stop();
  }
  const [file] = readdirSync(dir);
  if (file === undefined) throw new Error('the runtime wrote no profile');
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile;
  const sourceOf = sourcesOf(readFileSync(bench.bundles.weft, 'utf8'));
  const placeOf = (url: string, line: number) => (url.endsWith('.mjs') ? shortened(sourceOf(line)) : url);
  return `${hop}: self time of the Weft process\n${profileText(selfTimes(profile, placeOf), TOP)}`;
}

/** The tree that is measured may be another one than this. */
function shortened(path: string): string {
  return path.replace(/^\.\..*\/(?=(?:sidecar|api|node_modules)\/)/, '');
}

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeBench, openBench } from './bench.ts';
import { benchCompile } from './compile/compile.ts';
import type { Bench, Hop } from './hops/hop.ts';
import { HOPS } from './hops/hops.ts';
import { profileHop } from './hops/profile.ts';
import { ensureTools } from './machine/tools.ts';
import { type Options, readOptions, usage } from './options.ts';
import { benchPolicy } from './policy/policy.ts';
import { report } from './report/report.ts';
import type { Row } from './report/row.ts';

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** `npm run bench`: see `--help`. */
async function main(args: readonly string[]): Promise<void> {
  if (args[0] === 'compile') return benchCompile(args.slice(1), say);
  if (args[0] === 'policy') return benchPolicy(args.slice(1), say);
  const names = HOPS.map(({ name }) => name);
  const options = readOptions(args, names);
  if (options.help) return console.log(usage(HOPS));
  ensureTools(say);
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void closeBench(dir).then(() => process.exit(130)));
  }
  try {
    const bench = await openBench(dir, options, say);
    const hops = chosen(options);
    if (options.profile) await profileAll(bench, hops);
    else report(await measureAll(bench, hops), options);
  } finally {
    await closeBench(dir);
  }
}

function chosen({ only, cluster }: Options): readonly Hop[] {
  if (only.length > 0) return HOPS.filter(({ name }) => only.includes(name));
  return HOPS.filter(({ needsCluster }) => cluster || !needsCluster);
}

/** A hop that fails costs its own rows only, and the run its success. */
async function measureAll(bench: Bench, hops: readonly Hop[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [i, hop] of hops.entries()) {
    say(`[${i + 1}/${hops.length}] ${hop.name}: ${hop.what}`);
    try {
      rows.push(...(await hop.measure(bench)));
    } catch (error) {
      say(`  ${hop.name} could not be measured: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
  return rows;
}

async function profileAll(bench: Bench, hops: readonly Hop[]): Promise<void> {
  for (const { name, what, traffic } of hops) {
    if (traffic === undefined) continue;
    say(`${name}: ${what}`);
    console.log(await profileHop(bench, name, traffic));
  }
}

await main(process.argv.slice(2)).catch((error: Error) => {
  say(error.message);
  process.exitCode = 1;
});

import { writeFileSync } from 'node:fs';
import { openSite } from '../cluster/clustersite.ts';
import { ChaosSite } from './chaossite.ts';
import { Run } from './run.ts';
import { describe } from './schedule/actions.ts';
import { type Options, readOptions, USAGE } from './schedule/options.ts';
import { scheduleOf } from './schedule/schedule.ts';
import { replayOf, textOf } from './verdict/text.ts';

function list({ seed, minutes, without, isJson }: Options): void {
  const steps = scheduleOf(seed, minutes, without);
  if (isJson) {
    console.log(JSON.stringify({ seed, minutes, without, steps }));
    return;
  }
  console.log(`seed ${seed}, ${minutes} minutes`);
  for (const { atSeconds, action } of steps) {
    console.log(`${String(atSeconds).padStart(6)} s  ${describe(action)}`);
  }
}

async function play(options: Options): Promise<number> {
  // or an hour is played, and then it cannot be written
  if (options.summary !== undefined) writeFileSync(options.summary, '');
  const say = (line: string) => (options.isJson ? console.error(line) : console.log(line));
  say(`again: ${replayOf(options)}`);
  const site = await openSite(ChaosSite);
  try {
    const run = new Run(site, { ...options, say });
    process.once('SIGINT', () => run.stop());
    const summary = await run.play();
    for (const line of textOf(summary)) say(line);
    const json = JSON.stringify(summary, null, 2);
    if (options.isJson) console.log(json);
    if (options.summary !== undefined) writeFileSync(options.summary, `${json}\n`);
    const isBroken = summary.broken.length > 0;
    if (isBroken) say(`what everybody wrote down: ${site.records}`);
    else site.forgetRecords();
    return isBroken ? 1 : 0;
  } finally {
    await site.close();
  }
}

async function main(args: string[]): Promise<number> {
  let options: Options | 'help';
  try {
    options = readOptions(args, () => Math.floor(Math.random() * 0x1_0000_0000));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') console.log(USAGE);
  else if (options.list) list(options);
  else return play(options);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

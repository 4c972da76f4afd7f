import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SIDECAR_RUNTIME } from '../../api/environment.ts';
import { ok, serveHttp } from '../../sidecar/testing/wire.ts';
import { constantLoad, Outcome, shortConnections } from './load.ts';
import { MemorySeries } from './memory.ts';
import { type Mesh, startMesh } from './mesh.ts';
import { type Sample, settled, trendOf, verdictOf } from './trend.ts';

/** What the injector gives sidecars. */
const SHIPPED_FLAGS = SIDECAR_RUNTIME.NODE_OPTIONS;

const USAGE = `Usage: node test/soak/main.ts [options]

Two sidecars' data paths under load, each a process of its own, mTLS between them; prints how their memory changes.

  --minutes N              constant load for so long (10)
  --rate N                 requests a second (500)
  --connections N          connections of the constant load (64)
  --short-connections N    instead: so many connections with one request each
  --at-once N              so many of them at the same time (32)
  --sample-seconds N       between two samples (5)
  --runtime PROGRAM        what runs the sidecars (the one that runs this)
  --flags FLAGS            of the runtime, separated by blanks (${SHIPPED_FLAGS} on the one that runs this)

Ends with 1 when memory grows or a request failed, with 2 when the arguments are not valid.
`;

const BODY = 'x'.repeat(100);

interface Options {
  readonly minutes: number;
  readonly rate: number;
  readonly connections: number;
  readonly shortConnections: number;
  readonly atOnce: number;
  readonly sampleSeconds: number;
  readonly runtime: string | undefined;
  readonly flags: readonly string[];
}

/** Throws with what is wrong. */
function readOptions(args: string[]): Options | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      ...{ minutes: { type: 'string' }, rate: { type: 'string' }, connections: { type: 'string' } },
      ...{ 'short-connections': { type: 'string' }, 'at-once': { type: 'string' } },
      ...{
        'sample-seconds': { type: 'string' },
        runtime: { type: 'string' },
        flags: { type: 'string' },
        help: { type: 'boolean' },
      },
    },
  });
  if (values.help) return 'help';
  const positive = (name: keyof typeof values, fallback: number): number => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (!(value > 0 && value <= 1e9)) throw new Error(`--${name} must be a positive number`);
    return value;
  };
  return {
    minutes: positive('minutes', 10),
    rate: positive('rate', 500),
    connections: positive('connections', 64),
    shortConnections: values['short-connections'] === undefined ? 0 : positive('short-connections', 1),
    atOnce: positive('at-once', 32),
    sampleSeconds: positive('sample-seconds', 5),
    runtime: values.runtime,
    flags: (values.flags ?? (values.runtime === undefined ? SHIPPED_FLAGS : ''))
      .split(/\s+/)
      .filter((flag) => flag !== ''),
  };
}

async function main(args: string[]): Promise<number> {
  let options: Options | 'help';
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  const app = await serveHttp(() => ok(BODY));
  const mesh = await startMesh(app.port, options.runtime, options.flags);
  try {
    return await soak(mesh, options);
  } finally {
    await mesh.stop();
    await app.close();
  }
}

async function soak(mesh: Mesh, options: Options): Promise<number> {
  const outcome = new Outcome();
  const series = [new MemorySeries('web', mesh.web), new MemorySeries('api', mesh.api)];
  const load =
    options.shortConnections > 0 ? short(mesh, options, outcome) : constant(mesh, options, outcome);
  let over = false;
  const end = () => {
    over = true;
  };
  load.then(end, end);
  while (!over) {
    await Promise.race([load, delay(options.sampleSeconds * 1000)]);
    for (const each of series) await each.sample();
    progress(series, outcome);
  }
  await load;
  return report(series, outcome);
}

async function constant(mesh: Mesh, options: Options, outcome: Outcome): Promise<void> {
  const stop = constantLoad(mesh.web.outboundPort, options.connections, options.rate, outcome);
  await delay(options.minutes * 60_000);
  stop();
}

/** To both listeners, so that each sidecar sees connections come and go. */
function short(mesh: Mesh, options: Options, outcome: Outcome): Promise<void> {
  const ports = [mesh.web.outboundPort, mesh.api.inboundPort];
  return shortConnections(ports, options.shortConnections, options.atOnce, outcome);
}

function progress(series: readonly MemorySeries[], { served, failed, late }: Outcome): void {
  const memory = series.map(
    ({ name, rss, heap }) => `${name} ${mebi(rss.at(-1)!)} MiB RSS, ${mebi(heap.at(-1)!)} MiB heap`,
  );
  console.log(`${served} served, ${failed} failed, ${late} late | ${memory.join(' | ')}`);
}

function mebi({ kib }: Sample): string {
  return (kib / 1024).toFixed(1);
}

function report(series: readonly MemorySeries[], outcome: Outcome): number {
  console.log(`\nrequests: ${outcome.served} served, ${outcome.failed} failed, ${outcome.late} late`);
  for (const [reason, count] of outcome.errors) console.log(`  ${count} × ${JSON.stringify(reason)}`);
  let grows = false;
  for (const { name, rss, heap } of series) {
    for (const [what, samples] of [['RSS', rss] as const, ['heap', heap] as const]) {
      const trend = trendOf(settled(samples));
      const verdict = verdictOf(trend);
      grows ||= verdict === 'grows';
      const { slopeKibPerMinute: slope, confidenceKibPerMinute: confidence } = trend;
      console.log(
        `${name} ${what}: mean ${(trend.meanKib / 1024).toFixed(1)} MiB, slope ${slope.toFixed(1)} ± ` +
          `${confidence.toFixed(1)} KiB/min (95 %, ${trend.samples} samples): ${verdict}`,
      );
    }
  }
  const failed = grows || outcome.failed > 0 || outcome.served === 0;
  console.log(failed ? 'FAILED' : 'ok');
  return failed ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));

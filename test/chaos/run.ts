import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../cluster/scenario.ts';
import { type ChaosSite, restartsOf } from './chaossite.ts';
import { perform } from './faults/faults.ts';
import { Skipped } from './faults/pods.ts';
import type { ProcessSample } from './sample.ts';
import { type Action, describe } from './schedule/actions.ts';
import type { Play } from './schedule/options.ts';
import { CALM_SECONDS, type Step, scheduleOf } from './schedule/schedule.ts';
import { SHOP } from './shop/shop.ts';
import { type Agreement, Counters } from './verdict/counters.ts';
import { Crowding } from './verdict/crowding.ts';
import { Ledger } from './verdict/ledger.ts';
import { Memory } from './verdict/memory.ts';
import { RecordsReader } from './verdict/recordsreader.ts';
import { type Summary, summaryOf, tellDone } from './verdict/summary.ts';
import type { Done } from './verdict/windows.ts';

export interface RunOptions extends Play {
  /** told what happens, a line at a time */
  readonly say: (line: string) => void;
}

const READ_EVERY_MS = 1_000;
const SAMPLE_EVERY_MS = 10_000;
const SAY_EVERY_MS = 60_000;
/** Longer than any client waits. */
const QUIET_MS = 12_000;
const QUIET_WITHIN_MS = 90_000;
/** Times that counters are read once more, if somebody was slow to count. */
const AGREEMENTS_MAX = 5;
/** Apps that are killed just when they write. */
const DAMAGED_MAX = 5;
const SAMPLE = `${import.meta.dirname}/sample.ts`;

/** One run: load, faults, and all that watches them. */
export class Run {
  readonly #site: ChaosSite;
  readonly #options: RunOptions;
  readonly #startedMs = Date.now();
  readonly #reader: RecordsReader;
  readonly #ledger = new Ledger();
  readonly #memory = new Memory(this.#startedMs);
  readonly #counters = new Counters();
  readonly #crowding = new Crowding();
  readonly #done: Done[] = [];
  /** what went wrong that is no record of an app's */
  readonly #problems: string[] = [];
  /** the action under way, in words */
  #doing = '';
  #isOver = false;
  #isStopped = false;

  constructor(site: ChaosSite, options: RunOptions) {
    this.#site = site;
    this.#options = options;
    this.#reader = new RecordsReader(site.records);
  }

  /** Ends early when an invariant is broken: what happens then only hides it. */
  async play(): Promise<Summary> {
    const { seed, minutes, without } = this.#options;
    this.#crowding.start();
    const watching = Promise.all([
      this.#each(READ_EVERY_MS, async () => this.#read()),
      this.#each(SAMPLE_EVERY_MS, () => this.#sample()),
      this.#each(SAY_EVERY_MS, async () => this.#tell()),
    ]);
    try {
      await this.#site.open();
      await this.#follow(scheduleOf(seed, minutes, without));
      if (!this.#isEnough()) await this.#pause(CALM_SECONDS * 1_000);
      await this.#recovered();
    } finally {
      this.#isOver = true;
      await watching;
      this.#crowding.stop();
    }
    return this.#end();
  }

  /** Asks for an orderly end, as if nothing more were planned. */
  stop(): void {
    this.#isStopped = true;
  }

  #isEnough = () => this.#isStopped || this.#ledger.violations.length > 0;
  #clock = (): string => `${((Date.now() - this.#startedMs) / 1_000).toFixed(0).padStart(4)} s`;
  #say = (line: string) => this.#options.say(`${this.#clock()}  ${line}`);

  /** Does this every so often until all is over; what it throws is a problem, told once. */
  async #each(everyMs: number, work: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) {
      await work().catch((error: Error) => this.#problem(error.message));
      await this.#pause(everyMs, () => this.#isOver);
    }
  }

  async #pause(ms: number, isEnough = this.#isEnough): Promise<void> {
    const untilMs = Date.now() + ms;
    while (Date.now() < untilMs && !isEnough()) await delay(Math.min(250, untilMs - Date.now()));
  }

  #problem(text: string): void {
    const line = lastLine(text);
    if (this.#problems.includes(line)) return;
    this.#problems.push(line);
    this.#say(`problem: ${text}`);
  }

  /** What takes longer than planned puts off all that follows, so that there is as much time between as planned. */
  async #follow(steps: readonly Step[]): Promise<void> {
    const beganMs = Date.now();
    const lastMs = beganMs + (this.#options.minutes * 60 - CALM_SECONDS) * 1_000;
    let lateMs = 0;
    for (const { atSeconds, endSeconds, action } of steps) {
      await this.#pause(beganMs + atSeconds * 1_000 + lateMs - Date.now());
      if (this.#isEnough() || Date.now() > lastMs) return;
      await this.#do(action);
      lateMs = Math.max(lateMs, Date.now() - beganMs - endSeconds * 1_000);
    }
  }

  async #do(action: Action): Promise<void> {
    this.#doing = describe(action);
    const beganMs = Date.now();
    const why = await perform(this.#site, action).then(
      () => ({}),
      (error: Error) =>
        error instanceof Skipped ? { skipped: error.message } : { unfinished: error.message },
    );
    const done = { action, beganMs, endMs: Date.now(), ...why };
    this.#done.push(done);
    this.#say(tellDone(done));
    this.#doing = '';
  }

  /** How many records were new. */
  #read(): number {
    const records = this.#reader.next();
    this.#ledger.add(records);
    return records.length;
  }

  async #sample(): Promise<readonly ProcessSample[]> {
    const { code, stdout } = await this.#site.cluster.nodeExec([process.execPath, SAMPLE]);
    const samples = code === 0 ? (JSON.parse(stdout) as ProcessSample[]) : [];
    this.#memory.add(samples, Date.now());
    this.#counters.add(samples);
    return samples;
  }

  #tell(): void {
    const { customerCalls, failures, executions, violations } = this.#ledger;
    this.#say(
      `  ${customerCalls} calls of the customer, ${failures.length} failed, ${executions} executed, ` +
        `${violations.length} violations, ${this.#crowding.mean(Date.now() - SAY_EVERY_MS).toFixed(1)} want each processor, ` +
        `${mib(this.#reader.bytes)} MiB of records, ${mib(process.memoryUsage.rss())} MiB to judge them` +
        (this.#doing === '' ? '' : `; now ${this.#doing}`),
    );
  }

  async #recovered(): Promise<void> {
    await this.#site
      .controlPlane()
      .catch((error: Error) => this.#problem(`no control plane: ${error.message}`));
    await this.#site.whole().catch((error: Error) => this.#problem(`not whole again: ${error.message}`));
    await this.#site.inForce().catch((error: Error) => this.#problem(`not in force: ${error.message}`));
  }

  async #end(): Promise<Summary> {
    this.#site.endLoad();
    await this.#quiet();
    let agreement = await this.#agreement();
    for (let more = 0; more < AGREEMENTS_MAX && agreement.disagreements.length > 0; more++) {
      await delay(READ_EVERY_MS);
      agreement = await this.#agreement();
    }
    const { seed, minutes, without } = this.#options;
    if (this.#reader.damaged > DAMAGED_MAX) this.#problem(`${this.#reader.damaged} lines are no records`);
    return summaryOf({
      ...{ seed, minutes, without, seconds: Math.round((Date.now() - this.#startedMs) / 1_000) },
      ...{ ledger: this.#ledger, done: this.#done, problems: this.#problems },
      ...{ memory: this.#memory.ofRoles(), crowding: this.#crowding, agreement },
      recordsBytes: this.#reader.bytes,
    });
  }

  /** Until nobody writes anything for longer than clients wait. */
  async #quiet(): Promise<void> {
    let lastMs = Date.now();
    const isQuiet = async () => {
      if (this.#read() > 0) lastMs = Date.now();
      return Date.now() - lastMs > QUIET_MS;
    };
    await waitUntil('the last request', isQuiet, QUIET_WITHIN_MS).catch((error: Error) =>
      this.#problem(error.message),
    );
  }

  async #agreement(): Promise<Agreement> {
    const samples = await this.#sample();
    this.#read();
    const answered = samples.filter(({ requests }) => requests !== undefined).map(({ pod }) => pod);
    const pods = (await this.#site.shopPods()).filter((pod) => restartsOf(pod) === 0);
    const unharmed = pods.map(({ metadata }) => metadata.name).filter((name) => answered.includes(name));
    return this.#counters.against(SHOP, this.#ledger.pods, unharmed);
  }
}

const mib = (bytes: number): string => (bytes / 1024 ** 2).toFixed(0);

/** Of what kubectl printed, the line that says what was wrong. */
const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

import { parseArgs } from 'node:util';
import { type Kind, type Outcome, read } from '../../../sidecar/http1/corpus/read.ts';
import { REQUESTS, RESPONSES } from '../../../sidecar/http1/corpus.ts';
import { Coverage } from './coverage.ts';
import { checkInvariants } from './invariants.ts';
import { mutate, type Random, seededRandom } from './mutate.ts';
import { keepSeed, readSeeds } from './seeds.ts';

const USAGE = `Looks for bytes that the HTTP/1 parser and others understand in different ways.

  --seconds N   how long, for requests and responses each (30)
  --seed N      of the random numbers (the time)`;

const BATCH = 500;

/** Mutates inputs, keeps those that run what none before has run, and goes on from them. */
class Fuzzer {
  readonly #kind: Kind;
  readonly #random: Random;
  readonly #coverage = new Coverage();
  readonly #outcomes = new Set<string>();
  readonly #inputs: Buffer[] = [];
  runs = 0;

  constructor(kind: Kind, random: Random) {
    this.#kind = kind;
    this.#random = random;
  }

  /** Throws at the first input that breaks an invariant, which is kept as a seed. */
  async run(seconds: number): Promise<void> {
    await this.#coverage.start();
    const corpus = this.#kind === 'requests' ? REQUESTS : RESPONSES;
    const known = corpus
      .map(({ input }) => Buffer.from(input, 'latin1'))
      .filter(({ length }) => length < 2_000);
    this.#inputs.push(...known, ...readSeeds(this.#kind));
    for (const input of this.#inputs) this.#note(this.#check(input));
    await this.#coverage.takeNew(true);
    console.log(`${this.#kind}: ${this.#inputs.length} inputs, ${this.#coverage.covered} characters run`);
    for (const endMs = Date.now() + seconds * 1000; Date.now() < endMs; ) await this.#batch();
    console.log(
      `${this.#kind}: ${this.runs} runs, ${this.#inputs.length} inputs, ${this.#coverage.covered} characters run`,
    );
    await this.#coverage.stop();
  }

  async #batch(): Promise<void> {
    const batch = Array.from({ length: BATCH }, () => mutate(this.#pick(), this.#pick(), this.#random));
    for (const input of batch) if (this.#note(this.#check(input))) await this.#keep(input);
    // which one it was is asked only when there was one
    if ((await this.#coverage.takeNew(false)) === 0) return;
    for (const input of batch) {
      read(this.#kind, [input]);
      if ((await this.#coverage.takeNew(true)) > 0) await this.#keep(input);
    }
  }

  #pick(): Buffer {
    return this.#inputs[Math.floor(this.#random() * this.#inputs.length)]!;
  }

  #check(input: Buffer): Outcome {
    this.runs += 1;
    const sizes = Array.from({ length: 6 }, () => 1 + Math.floor(this.#random() * 60));
    try {
      return checkInvariants(this.#kind, input, sizes);
    } catch (error) {
      console.error(
        `${keepSeed(this.#kind, input)}: ${JSON.stringify(input.toString('latin1'))} in pieces of ${sizes}`,
      );
      throw error;
    }
  }

  /** True for an end that none has come to after as many messages. */
  #note({ forwarded, error }: Outcome): boolean {
    const messages = Math.min(forwarded.split('HTTP/1.1').length, 4);
    const known = this.#outcomes.size;
    this.#outcomes.add(`${error} ${messages}`);
    return this.#outcomes.size > known;
  }

  async #keep(input: Buffer): Promise<void> {
    if (input.length === 0) return;
    this.#inputs.push(input);
    console.log(`${this.#kind}: ${keepSeed(this.#kind, input)} ${input.length} bytes`);
    await this.#coverage.skip();
  }
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const seconds = Number(values.seconds);
if (values.help) console.log(USAGE);
else if (!(seconds > 0)) {
  console.error(`--seconds must be a positive number, not ${values.seconds}`);
  process.exitCode = 2;
} else {
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  for (const kind of ['requests', 'responses'] as const) await new Fuzzer(kind, random).run(seconds);
  console.log('no differences found');
}

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Outside } from './h2load.ts';
import type { StreamName } from './lifecycle.fixture.ts';

/** What the load has seen of one stream since it began anew; times are of its own monotonic clock. */
export interface Seen {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly slowestMs: number;
  /** the longest time from one good answer to the next */
  readonly silenceMs: number;
  readonly failures: readonly { readonly at: string; readonly error: string }[];
  /** good answers of each pod */
  readonly pods: Readonly<Record<string, number>>;
}
/** What the load of our own has seen. */
export type Streams = Readonly<Record<StreamName, Seen>>;
/** And what generators of others have: of those of a service `api` the names are `api-h1` and the like. */
export type Load = Streams & { readonly outside: Readonly<Record<string, Outside>> };

/** Says what the load saw, for the guides; asserts nothing. */
export function tell(t: TestContext, load: Load, ...names: StreamName[]): void {
  for (const name of names) {
    const { sent, failed, slowestMs, silenceMs, failures } = load[name];
    const errors = Object.entries(Object.groupBy(failures, ({ error }) => error));
    const counts = errors.map(([error, each]) => `, ${error}: ${each?.length}`).join('');
    t.diagnostic(
      `${name}: ${sent} sent, ${failed} failed${counts}; slowest ${Math.round(slowestMs)} ms, ` +
        `longest without an answer ${Math.round(silenceMs)} ms`,
    );
  }
  for (const [name, { sent, failed, failures, ...took }] of outsideOf(load, names)) {
    const counts = Object.entries(failures).map(([what, count]) => `, ${what}: ${count}`);
    const [p50, p99, slowest] = [took.p50Ms, took.p99Ms, took.slowestMs].map(Math.round);
    t.diagnostic(
      `h2load ${name}: ${sent} sent, ${failed} failed${counts.join('')}; p50 ${p50} ms, p99 ${p99} ms, slowest ${slowest} ms`,
    );
  }
}

/** Neither of our own requests nor of those of others, of which there were some. */
export function assertNoneFailed(load: Load, ...names: StreamName[]): void {
  for (const name of names) {
    assert.deepEqual(load[name].failures, [], name);
    assert.ok(load[name].answered > 20, `${name}: ${load[name].answered} answers are no load`);
  }
  for (const [name, { answered, failures }] of outsideOf(load, names)) {
    assert.deepEqual(failures, {}, `h2load ${name}`);
    assert.ok(answered > 0, `h2load ${name} had no answer`);
  }
}

/** Those that call the services of these streams; a stream of GETs has the name of its service. */
const outsideOf = ({ outside }: Load, names: readonly StreamName[]) =>
  Object.entries(outside).filter(([generator]) => names.some((name) => generator.startsWith(`${name}-`)));

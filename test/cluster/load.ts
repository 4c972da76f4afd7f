import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
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
export type Load = Readonly<Record<StreamName, Seen>>;

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
}

export function assertNoneFailed(load: Load, ...names: StreamName[]): void {
  for (const name of names) {
    assert.deepEqual(load[name].failures, [], name);
    assert.ok(load[name].answered > 20, `${name}: ${load[name].answered} answers are no load`);
  }
}

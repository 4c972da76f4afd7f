import { type Failure, tellFailures } from './failures.ts';

/** What came of one stage. */
export interface StageResult {
  readonly name: string;
  /** its command counts tests; one that does not is a check of its own */
  readonly isOfTests: boolean;
  readonly code: number;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

interface Options {
  /** nothing may be skipped */
  readonly isStrict: boolean;
}

/**
 * The last lines of a run: a line per stage, the sums, the failures. Stages that failed stand last, next to what failed
 * in them, for whoever sees no more than the end of a long log.
 */
export function tellSummary(results: readonly StageResult[], options: Options): string[] {
  const isBad = (result: StageResult) => complaintOf(result, options) !== undefined;
  const good = results.filter((result) => !isBad(result));
  return [
    ...[...good, ...results.filter(isBad)].map((result) => tellStage(result, options)),
    tellSums(results),
    ...results.filter(({ failures }) => failures.length > 0).map(tellFailuresOf),
  ];
}

export function isGood(results: readonly StageResult[], options: Options): boolean {
  return results.every((result) => complaintOf(result, options) === undefined);
}

/** What is wrong with it, in brackets where its counts do not say so; undefined if nothing is. */
function complaintOf(result: StageResult, { isStrict }: Options): string | undefined {
  const { isOfTests, code, passed, failed, skipped } = result;
  if (isOfTests && passed + failed + skipped === 0) return ' (no test ran)';
  if (isStrict && skipped > 0) return ' (nothing may be skipped with CI=true)';
  return code === 0 ? undefined : '';
}

function tellStage(result: StageResult, options: Options): string {
  const { name, isOfTests, passed, failed, skipped, seconds } = result;
  const complaint = complaintOf(result, options);
  const counts = isOfTests ? `${passed} passed, ${failed} failed, ${skipped} skipped` : '';
  const verdict = complaint === undefined ? 'ok  ' : 'FAIL';
  return `${verdict}  ${name.padEnd(10)} ${String(seconds).padStart(4)} s  ${counts}${complaint ?? ''}`;
}

/** A stage that is one check, such as the linter, counts as one. */
function tellSums(results: readonly StageResult[]): string {
  const sum = (count: (result: StageResult) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => (result.isOfTests ? result.passed : Number(result.code === 0)));
  const failed = sum((result) => (result.isOfTests ? result.failed : Number(result.code !== 0)));
  return `${passed} passed, ${failed} failed, ${sum(({ skipped }) => skipped)} skipped`;
}

const tellFailuresOf = ({ name, failures }: StageResult): string => tellFailures(name, failures);

import { SILENT } from './h2load.fixture.ts';

/** A request that ended, as in the log of h2load; times are of the pod's wall clock, in µs. */
export interface Ended {
  readonly startUs: number;
  /** less than 0: there was no answer, or none that was whole */
  readonly status: number;
  readonly durationUs: number;
}

/** What the pod of the generators says when it is asked. */
export interface Log {
  readonly nowUs: number;
  /** by the name of the generator */
  readonly ended: Readonly<Record<string, readonly Ended[]>>;
}

/** What a generator of others has seen of a service. */
export interface Outside {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** by status, or what there was instead of one */
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
}

/** What is looked at: everything that was under way at some time from here to there. */
export interface Span {
  readonly fromUs: number;
  readonly untilUs: number;
}

const LINE = /^([a-z0-9-]+) (\d+) (-?\d+) (\d+)$/;

/** @throws Error for a line that is none of h2load's */
export function readLog(text: string): Log {
  const [now = '', ...lines] = text.trimEnd().split('\n');
  if (!/^\d+$/.test(now)) throw new Error(`no time: ${now}`);
  const ended: Record<string, Ended[]> = {};
  for (const line of lines) {
    const [, name, startUs, status, durationUs] = LINE.exec(line) ?? [];
    if (name === undefined) throw new Error(`no line of h2load’s log: ${line}`);
    ended[name] ??= [];
    ended[name].push({
      startUs: Number(startUs),
      status: Number(status),
      durationUs: Number(durationUs),
    });
  }
  return { nowUs: Number(now), ended };
}

/** Whether nothing that was sent in this time can still be under way. @param perSecond of an open loop */
export function isSettled(ended: readonly Ended[], span: Span, perSecond?: number): boolean {
  return ended.some(({ startUs }) => startUs > span.untilUs) && unanswered(ended, span, perSecond) === 0;
}

/**
 * How many requests, by the pace of an open loop, were sent in this time and have not ended. One is not noticed, as the
 * first or last may have been sent a little late.
 */
function unanswered(ended: readonly Ended[], { fromUs, untilUs }: Span, perSecond?: number): number {
  const starts = ended
    .map(({ startUs }) => startUs)
    .filter((startUs) => startUs >= fromUs && startUs <= untilUs);
  if (perSecond === undefined || starts.length === 0) return 0;
  const [first, last] = [Math.min(...starts), Math.max(...starts)];
  return Math.max(0, Math.round(((last - first) / 1e6) * perSecond) - starts.length);
}

/**
 * @param ended requests of one generator, of which those are counted that were under way in this time
 * @param perSecond of an open loop
 */
export function tally(ended: readonly Ended[], span: Span, perSecond?: number): Outside {
  const felt = ended.filter(
    ({ startUs, durationUs }) => startUs <= span.untilUs && startUs + durationUs >= span.fromUs,
  );
  const good = felt.filter(({ status }) => status === 200);
  const failures: Record<string, number> = {};
  const fail = (what: string, count: number) => {
    if (count > 0) failures[what] = (failures[what] ?? 0) + count;
  };
  for (const { status } of felt) if (status !== 200) fail(nameOf(status), 1);
  const isSilent = !ended.some(({ startUs }) => startUs > span.untilUs);
  fail('no answer', Math.max(unanswered(ended, span, perSecond), isSilent ? 1 : 0));
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  const tookMs = good.map(({ durationUs }) => durationUs / 1e3).sort((a, b) => a - b);
  const quantile = (part: number) => tookMs[Math.ceil(tookMs.length * part) - 1] ?? 0;
  return {
    sent: good.length + failed,
    answered: good.length,
    failed,
    failures,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    slowestMs: quantile(1),
  };
}

function nameOf(status: number): string {
  if (status === SILENT) return 'silence';
  return status < 0 ? 'reset' : String(status);
}

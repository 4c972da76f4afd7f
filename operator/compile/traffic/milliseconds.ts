import { durationMs } from '../../../api/duration.ts';

/** What a document can say, and a timer can wait: 24 days. */
const MOST_MS = 2_147_483_647;

/** Undefined stays undefined. @param duration valid: policies are judged before they are compiled */
export function milliseconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : Math.min(durationMs(duration), MOST_MS);
}

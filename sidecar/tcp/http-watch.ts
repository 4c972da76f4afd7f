import { type Detected, detect } from '../detect.ts';
import { Accumulator } from '../transport/accumulator.ts';

/**
 * Follows the first line of a client that is carried as opaque before that line has ended. Answers false as
 * soon as it turns out to be one of `refused` after all: what follows it could be headers in the mesh's name, and
 * the app must not see them. `onRefused` is called once, then. Looks at a bounded number of bytes.
 */
export function httpWatch(
  refused: readonly Detected[] = ['http1'],
  onRefused: () => void = () => {},
): (bytes: Buffer) => boolean {
  const line = new Accumulator();
  let settled = false;
  return (bytes) => {
    if (settled) return true;
    const verdict = detect(line.append(bytes));
    if (verdict === 'need-more' || verdict === 'unlikely') return true;
    settled = true;
    line.clear();
    if (!refused.includes(verdict)) return true;
    onRefused();
    return false;
  };
}

import { beginMs, type Located } from './located.ts';

/** Clocks of machines differ, and a copy may have to wait for a connection of its own. */
const APART_MS = 1_000;
/** Of a record's `failedAttempts`: what is this long may have lost some. */
const ATTEMPTS_MAX = 512;

/**
 * Marks what a mirror got, and all that came of it. Sidecars tell each other what is a copy. Where one of them is older
 * than that, a copy shows by what does not fit, having the id of its request and no record of its own at the side that
 * sent it: it was received where nothing of its sender's records has gone to, or it was refused, and its sender has
 * seen no refusal. Of what no sidecar that was asked has sent nothing is known. `located`: in the order of time.
 */
export function markCopies(located: readonly Located[]): Located[] {
  const marked: Located[] = [];
  for (const each of located) {
    const isCopy =
      each.record.direction === 'inbound'
        ? isReceivedCopy(each, located, marked)
        : isSentByCopy(each, marked);
    marked.push(isCopy ? { ...each, isCopy } : each);
  }
  return marked;
}

export function withoutCopies(located: readonly Located[]): Located[] {
  return located.filter(({ isCopy }) => isCopy !== true);
}

function isReceivedCopy(received: Located, located: readonly Located[], marked: readonly Located[]): boolean {
  const { encrypted, at, isCopy } = received.record;
  if (!encrypted) return false;
  if (isCopy === true) return true;
  const senders = located.filter((each) => maySend(each, received));
  if (senders.length === 0) return false;
  const reaching = senders.filter((each) => reaches(each, at));
  const isTold = isCopy === false && senders.every(({ record }) => record.isCopy !== undefined);
  if (!isTold && reaching.length === 0) return isMisplaced(received, senders);
  // it may still be what came of a copy: of the one that reached it, or else of all that may have
  return (reaching.length === 0 ? senders : reaching).every(({ sidecar, record }) =>
    marked.some((each) => each.isCopy === true && each.sidecar === sidecar && each.record === record),
  );
}

/** Nothing of its senders' records has gone to where it was received. */
function isMisplaced({ record: { at, code } }: Located, senders: readonly Located[]): boolean {
  if (senders.every(({ record }) => record.endpoint === '')) return true;
  return !isLoopback(at) || (code !== '' && !senders.some((each) => maySee(each, code)));
}

/** Under `weft run` the port of an app is another than that of its sidecar, which callers record. */
function isLoopback(at: string): boolean {
  return at.startsWith('127.') || at.startsWith('[::1]');
}

/** That its request was refused so. Of one that failed by itself, or more than once, it is not known. */
function maySee(
  { record: { peerError, code, failedAttempts, aborted, status } }: Located,
  refusal: string,
): boolean {
  return peerError === refusal || code !== '' || failedAttempts !== '' || aborted || status === 0;
}

/** All that its sidecar had received until then were copies. */
function isSentByCopy({ sidecar }: Located, marked: readonly Located[]): boolean {
  const received = marked.filter((each) => each.sidecar === sidecar && each.record.direction === 'inbound');
  return received.length > 0 && received.every(({ isCopy }) => isCopy === true);
}

function maySend(sent: Located, received: Located): boolean {
  const at = beginMs(received);
  return (
    sent.record.direction === 'outbound' &&
    sent.record.caller === received.record.caller &&
    at >= beginMs(sent) - APART_MS &&
    at <= sent.record.endedMs + APART_MS
  );
}

function reaches({ record: { endpoint, at, failedAttempts } }: Located, address: string): boolean {
  return (
    endpoint === address ||
    at === address ||
    failedAttempts.length > ATTEMPTS_MAX ||
    failedAttempts.split('; ').some((attempt) => attempt.startsWith(`${address} `))
  );
}

/**
 * - `NotInstalled`, `Forbidden`, `Unreachable`, `TimedOut`: nobody can be served now.
 * - `Denied`, `Failed`, `BadAnswer`: this request was not, or not rightly.
 * - `HeldBack`: it was, by a root that not everybody trusts yet.
 * - `NotSet`: the root is of an issuer elsewhere, and the operator was told of none.
 */
export type IssuerProblem =
  | 'NotInstalled'
  | 'Forbidden'
  | 'Unreachable'
  | 'TimedOut'
  | 'Denied'
  | 'Failed'
  | 'BadAnswer'
  | 'HeldBack'
  | 'NotSet';

/** The text may be logged: it holds no key, and of what others wrote at most a sentence. */
export class IssuerError extends Error {
  readonly problem: IssuerProblem;

  constructor(problem: IssuerProblem, message: string) {
    super(message);
    this.name = 'IssuerError';
    this.problem = problem;
  }

  /** True: whoever asks next would hear the same. */
  get isOfAll(): boolean {
    return ['NotInstalled', 'Forbidden', 'Unreachable', 'TimedOut'].includes(this.problem);
  }
}

const QUOTED_MAX = 200;

/** What somebody else wrote, fit for a log line. */
export function quoted(text: unknown): string {
  const line = String(text ?? '').replace(/[^\x20-\x7e]+/g, ' ');
  return line.length > QUOTED_MAX ? `${line.slice(0, QUOTED_MAX)}…` : line;
}

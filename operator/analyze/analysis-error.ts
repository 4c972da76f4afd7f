/** Told to the user as it is. */
export class AnalysisError extends Error {
  /** it was not asked rightly; otherwise it could not be done */
  readonly usage: boolean;
  readonly hint: string | undefined;

  constructor(message: string, { usage = false, hint }: { usage?: boolean; hint?: string } = {}) {
    super(message);
    this.name = 'AnalysisError';
    this.usage = usage;
    this.hint = hint;
  }
}

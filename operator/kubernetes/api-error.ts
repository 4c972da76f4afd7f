/** An answer of the API server that is not a success: a `Status` object. */
export class ApiError extends Error {
  /** HTTP status */
  readonly status: number;
  /** `reason` of the Status: `NotFound`, `AlreadyExists`, `Conflict`, `Expired` …; empty when there was none */
  readonly reason: string;
  /** `reason` of each of the Status's causes */
  readonly causes: readonly string[];
  /** what the server asks us to wait; undefined: nothing said */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, details: Partial<Pick<ApiError, 'reason' | 'causes' | 'retryAfterMs'>> = {}) {
    const reason = details.reason ?? '';
    super(`the API server answered ${status} ${reason}`.trim());
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The body of an answer was larger than the bound the caller set. */
export class TooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`the answer is larger than ${maxBytes} bytes`);
    this.name = 'TooLargeError';
  }
}

export const isNotFound = (error: unknown) => hasStatus(error, 404);
/** 409 has two meanings: the name is taken, or the object changed since it was read. */
export const isAlreadyExists = (error: unknown) =>
  hasStatus(error, 409) && (error as ApiError).reason === 'AlreadyExists';
export const isConflict = (error: unknown) => hasStatus(error, 409) && !isAlreadyExists(error);
/** The object does not fit its schema, or a JSON Patch's test does not hold. */
export const isInvalid = (error: unknown) => hasStatus(error, 422);
/** The resource version or the continue token is too old: list again. */
export const isGone = (error: unknown) => hasStatus(error, 410);

/** The namespace is being deleted, so nothing can be created in it any more. */
export const isNamespaceTerminating = (error: unknown) =>
  hasStatus(error, 403) && (error as ApiError).causes.includes('NamespaceTerminating');

/** Worth trying again unchanged: overload, a server in trouble, a conflict, or a connection that broke. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500 || [408, 409, 425, 429].includes(error.status);
  return !(error instanceof TooLargeError) && isSystemError(error);
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}

function hasStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** Reads the Status object of an answer; distrusts its shape, since anything may stand in for the server. */
export function toApiError(status: number, body: string, retryAfterHeader?: string): ApiError {
  const parsed = parseStatus(body);
  const details = asRecord(parsed.details);
  const causes = Array.isArray(details.causes) ? details.causes : [];
  return new ApiError(status, {
    reason: typeof parsed.reason === 'string' ? parsed.reason.slice(0, 64) : '',
    causes: causes.map((cause) => String(asRecord(cause).reason ?? '')),
    retryAfterMs: retryAfterMs(retryAfterHeader ?? details.retryAfterSeconds),
  });
}

function retryAfterMs(value: unknown): number | undefined {
  const seconds = Number(value);
  return value !== undefined && seconds >= 0 ? Math.min(seconds, 60) * 1000 : undefined;
}

function parseStatus(body: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(body));
  } catch {
    return {};
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

import { KeySetError } from './key-set-request.ts';

const MAX_CHARACTERS = 200;

/** In words for a status: the subject is the key set. Servers and certificates may say anything, so it is bounded. */
export function explain(error: unknown): string {
  const text = error instanceof KeySetError ? error.message : `could not be fetched (${detail(error)})`;
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_CHARACTERS);
}

function detail(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return detail(error.errors[0]);
  return error instanceof Error ? error.message : 'unknown error';
}

const REASON_MAX = 300;

/** What a sidecar's admin socket said. Throws with its own words when it was not what was asked for. */
export function parseAnswer(status: number, text: string): unknown {
  if (status === 200) return parse(text);
  if (status === 404) throw new Error('the sidecar is of a version that does not know this question');
  if (!Number.isInteger(status) || status < 100) throw new Error('what answered there is no sidecar');
  throw new Error(`the sidecar answered ${status}: ${reasonIn(text)}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the sidecar answered with something else than JSON');
  }
}

function reasonIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error.slice(0, REASON_MAX);
  } catch {
    // not JSON: as it is
  }
  return text.trim().slice(0, REASON_MAX);
}

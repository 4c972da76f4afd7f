/** What a sidecar's admin socket said. Throws with its own words when it was not what was asked for. */
export function parseAnswer(status: number, text: string): unknown {
  if (status === 200) return JSON.parse(text);
  if (status === 404) throw new Error('the sidecar is of a version that does not know this question');
  throw new Error(`the sidecar answered ${status}: ${reasonIn(text)}`);
}

function reasonIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // not JSON: as it is
  }
  return text.trim().slice(0, 500);
}

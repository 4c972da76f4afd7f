const HELD_MAX = 20;

/** What a process has to say to the person who runs it, until the view shows it. */
export class Notices {
  #held: string[] = [];

  add(text: string): void {
    this.#held = [...this.#held, text].slice(-HELD_MAX);
  }

  take(): string[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}

const SHOWN = new Set(['warn', 'error', 'fatal']);

/** Pure: the message of a log line at level warn or above; undefined for any other line. */
export function noticeOf(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, message } = JSON.parse(line) as { level?: unknown; message?: unknown };
    return typeof message === 'string' && SHOWN.has(String(level)) ? message : undefined;
  } catch {
    return undefined;
  }
}

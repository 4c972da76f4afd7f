// Tells the person who waits what is being done: one line when a step begins, one each few seconds after.

const interval = 5_000;

export interface Step {
  /** The last thing the step said; shown with the next line. */
  note(text: string): void;
  end(): void;
}

export type Progress = (name: string) => Step;

function elapsed(since: number): string {
  const seconds = Math.round((Date.now() - since) / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

/** Writes whole lines, no cursor movement, so that it reads the same in a terminal and in a log. */
export const showProgress: Progress = (name) => {
  const began = Date.now();
  let last = '';
  let shown = false;
  const show = (text: string) => process.stderr.write(`${text}\n`);
  const timer = setInterval(() => {
    shown = true;
    show(`… ${name} (${elapsed(began)})${last ? `: ${last}` : ''}`);
  }, interval);
  timer.unref();
  return {
    note: (text) => {
      last = text.trim().split('\n').at(-1) ?? '';
    },
    end: () => {
      clearInterval(timer);
      if (shown) show(`✓ ${name} (${elapsed(began)})`);
    },
  };
};

export const noProgress: Progress = () => ({ note: () => {}, end: () => {} });

/** Runs `work` as a step that ends however the work ends. */
export async function step<T>(
  progress: Progress,
  name: string,
  work: (step: Step) => Promise<T>,
): Promise<T> {
  const current = progress(name);
  try {
    return await work(current);
  } finally {
    current.end();
  }
}

export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** JSON lines in pino's shape, so that all of Weft's logs read alike. */
export function createLog(write: (line: string) => void, nowMs: () => number): Log {
  const line =
    (level: number) =>
    (msg: string, fields: Readonly<Record<string, unknown>> = {}) =>
      write(`${JSON.stringify({ level, time: nowMs(), room: 'init', ...fields, msg })}\n`);
  return { info: line(30), warn: line(40), error: line(50) };
}

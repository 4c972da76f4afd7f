/**
 * One JSON object a line: `time` (RFC 3339), `level`, `message` (constant), then the fields. A level that is
 * off is a shared empty function, so that it costs nothing. Secrets are never passed in.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export type LogFields = Readonly<Record<string, unknown>>;
type Write = (message: string, fields?: LogFields) => void;

export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly write?: (line: string) => void;
  readonly nowMs?: () => number;
}

const off: Write = () => {};
export const SILENT: Log = { debug: off, info: off, warn: off, error: off };

export function createLog(options: LogOptions): Log {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const nowMs = options.nowMs ?? Date.now;
  const lowest = LOG_LEVELS.indexOf(options.level);

  const at = (level: LogLevel): Write =>
    LOG_LEVELS.indexOf(level) < lowest
      ? off
      : (message, fields) =>
          write(`${render({ time: new Date(nowMs()).toISOString(), level, message, ...fields })}\n`);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function render(entry: LogFields): string {
  try {
    return JSON.stringify(entry, (_key, value: unknown) =>
      value instanceof Error ? describeError(value) : typeof value === 'bigint' ? String(value) : value,
    );
  } catch {
    // cycles: the line matters more than its fields
    return JSON.stringify({ time: entry.time, level: entry.level, message: entry.message });
  }
}

function describeError(error: Error): LogFields {
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
  };
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { type LoggerOptions, stdTimeFunctions } from 'pino';

/** `{"level":"info","time":"…","message":"…"}` and the data: one shape for the logs of the whole mesh. */
export const LOG_FORMAT = {
  base: null,
  messageKey: 'message',
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
} satisfies LoggerOptions;

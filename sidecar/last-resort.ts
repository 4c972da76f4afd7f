import type { Log } from './log.ts';

const WINDOW_MS = 60_000;
const ERRORS_MAX = 20;

/**
 * What happens to errors that nobody caught. Each is a defect and is logged with its stack. The process goes
 * on, because it carries all traffic of the pod and one request's defect must not end the others; after
 * twenty within a minute it exits, because then something is broken for good, and the kubelet starts a fresh
 * one that boots from the snapshot.
 */
export function installLastResort(log: Log, exit: (code: number) => void, nowMs: () => number): () => void {
  let seenMs: number[] = [];
  const handle = (message: string) => (error: unknown) => {
    log.error(message, { error: error instanceof Error ? error : String(error) });
    seenMs = [...seenMs.filter((at) => at > nowMs() - WINDOW_MS), nowMs()];
    if (seenMs.length > ERRORS_MAX) {
      log.error('too many errors that nobody caught; the process ends');
      exit(1);
    }
  };
  const onException = handle('an exception that nobody caught');
  const onRejection = handle('a rejection that nobody caught');
  process.on('uncaughtException', onException);
  process.on('unhandledRejection', onRejection);
  return () => {
    process.off('uncaughtException', onException);
    process.off('unhandledRejection', onRejection);
  };
}

import { systemClock } from './control/clock.ts';
import { createDataPath } from './data-path.ts';
import { installLastResort } from './last-resort.ts';
import { createLog, messageOf } from './log.ts';
import { readSettings, type Settings } from './settings.ts';
import { Sidecar } from './sidecar.ts';

/** Runs until SIGTERM (or SIGINT), then ends the process with 0; with 2 when the environment is not valid. */
export async function main(_argv: readonly string[]): Promise<void> {
  const settings = settingsOrExit();
  const log = createLog({ level: settings.logLevel });
  installLastResort(log, (code) => process.exit(code), Date.now);

  const sidecar = new Sidecar({
    ...{ settings, log, createDataPath, clock: systemClock, random: Math.random },
    agent: 'weft-sidecar',
  });
  // A native sidecar gets SIGTERM when the app's containers are gone; preStop has told of the end before.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info('stopping', { signal });
      sidecar.stop().then(
        () => process.exit(0),
        (error) => {
          log.error('stopping failed', { error });
          process.exit(1);
        },
      );
    });
  }
  log.info('starting', { proxyId: settings.proxyId, pid: process.pid });
  await sidecar.start();
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    createLog({ level: 'error' }).error('the sidecar cannot start', { reason: messageOf(error) });
    process.exit(2);
  }
}

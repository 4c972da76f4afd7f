import { systemClock } from './control/clock.ts';
import { createDataPath } from './data-path.ts';
import { installLastResort } from './last-resort.ts';
import { createLog, type Log, messageOf } from './log.ts';
import { readSettings, type Settings } from './settings.ts';
import { Sidecar } from './sidecar.ts';
import { dropStartupPages } from './transport/resident-pages.ts';

const USAGE = `Usage: weft sidecar

The proxy beside one app. The injector starts it in Kubernetes, weft run without.

Environment: WEFT_PROXY_ID (required), WEFT_PROXY_DIR (config.json, tls.crt, tls.key, ca.crt), WEFT_STATE_DIR,
WEFT_TOKEN_FILE, WEFT_CONTROL_PLANE (host:port) with WEFT_CONTROL_PLANE_ID (its SPIFFE ID), WEFT_TRUST_BUNDLE (PEM),
WEFT_ADMIN_ADDRESS (host:port), WEFT_PROBES (JSON) with WEFT_POD_IP, WEFT_LOG_LEVEL, WEFT_GRACE_SECONDS.
`;

/**
 * `weft sidecar`; argv without the command's name. Runs until SIGTERM (or SIGINT), then ends the process with 0;
 * with 2 when arguments or environment are not valid.
 */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv.length > 0) {
    const help = argv.length === 1 && argv[0] === '--help';
    (help ? process.stdout : process.stderr).write(USAGE);
    process.exitCode = help ? 0 : 2;
    return;
  }
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
  dropStartupPagesLater(log);
}

/**
 * Once what starts has started, again for what the first time has read, and again when the first traffic may have
 * been compiled: the compiler is half of the program.
 */
function dropStartupPagesLater(log: Log): void {
  for (const delayMs of [1_000, 3_000, 12_000, 60_000]) {
    setTimeout(() => {
      try {
        log.debug('start-up pages given back', { mappings: dropStartupPages() });
      } catch (error) {
        log.debug('start-up pages are kept', { reason: messageOf(error) });
      }
    }, delayMs).unref();
  }
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    createLog({ level: 'error' }).error('the sidecar cannot start', { reason: messageOf(error) });
    process.exit(2);
  }
}

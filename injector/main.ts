import { pino } from 'pino';
import { Injector } from './injector.ts';
import { LOG_FORMAT } from './log-format.ts';
import { one } from './one.ts';
import { readSettings, SettingsError } from './settings.ts';

const USAGE = `Usage: weft injector

Serves the mutating admission webhook, POST /inject over HTTPS, that puts the sidecar into pods.

Environment: WEFT_IMAGE (required), WEFT_IMAGE_PULL_POLICY, WEFT_NAMESPACE, WEFT_TRUST_DOMAIN,
WEFT_TLS_DIR (tls.crt, tls.key), WEFT_TRUST_BUNDLE_FILE, WEFT_CONTROL_PLANE_ADDRESS,
WEFT_CONTROL_PLANE_ID, WEFT_ALLOWED_ANNOTATIONS, WEFT_SIDECAR_LOG_LEVEL,
WEFT_SIDECAR_{CPU,MEMORY}_{REQUEST,LIMIT}, WEFT_PORT, WEFT_HEALTH_PORT, WEFT_HOST, WEFT_LOG_LEVEL,
WEFT_DRAIN_DELAY_MS.
`;

/**
 * `weft injector`; argv without the command's name. Resolves when it has ended after SIGTERM or SIGINT. Sets
 * the exit code: 0 ended as told, 1 failed, 2 wrong arguments or environment.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const isOne = argv.length === 1 && argv[0] === 'one';
  if (argv.length > 0 && !isOne) {
    const help = argv.length === 1 && argv[0] === '--help';
    (help ? process.stdout : process.stderr).write(USAGE);
    process.exitCode = help ? 0 : 2;
    return;
  }
  try {
    await (isOne ? one(process.stdin, process.stdout, process.env) : serve());
  } catch (error) {
    process.stderr.write(`weft injector: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof SettingsError ? 2 : 1;
  }
}

async function serve(): Promise<void> {
  const settings = readSettings(process.env);
  const log = pino({ ...LOG_FORMAT, level: settings.logLevel });
  const injector = new Injector(settings, log);
  const ended = Promise.withResolvers<void>();
  await injector.start(undefined, ended.reject);
  const stop = (signal: string) => {
    log.info({ signal }, 'draining');
    injector.stop().then(ended.resolve, ended.reject);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    await ended.promise;
  } catch (error) {
    await injector.stop(0);
    throw error;
  }
  log.info('ended');
}

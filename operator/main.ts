import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { OPERATOR_SERVICE } from '../api/names.ts';
import { ArgumentError, type Arguments, parseArguments } from './arguments.ts';
import { systemClock } from './clock.ts';
import { HealthServer } from './health.ts';
import { describeError, type Log } from './log.ts';
import { LOG_FORMAT } from './log-format.ts';
import { Operator } from './operator.ts';
import type { Platform } from './platform.ts';
import { USAGE } from './usage.ts';

/**
 * `weft operator`: runs until it is told to stop, then ends the process. Logs go to stderr; stdout has one line
 * of JSON when it is ready, `{"event":"ready","streamAddress":"127.0.0.1:40123"}`.
 */
export async function main(argv: readonly string[]): Promise<void> {
  process.exit(await operate(argv));
}

/** Resolves with the exit code: 0 stopped, 1 cannot run, 2 wrong arguments. */
async function operate(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && argv[0] === '--help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (argv.length === 1 && argv[0] === 'analyze') {
    return (await import('./analyze/analyze.ts')).analyze(process.stdin, process.stdout);
  }
  let settings: Arguments;
  try {
    settings = parseArguments(argv, process.env);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    process.stderr.write(`weft operator: ${error.message}\n`);
    return 2;
  }
  const log = pino({ ...LOG_FORMAT, level: settings.logLevel }, pino.destination({ dest: 2, sync: true }));
  try {
    return await run(settings, log);
  } catch (error) {
    log.error({ error: describeError(error) }, `the operator cannot run: ${describeError(error)}`);
    return 1;
  }
}

async function run(settings: Arguments, log: Log): Promise<number> {
  const stopped = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve());
  let operator: Operator | undefined;
  const health = new HealthServer({
    isReady: () => operator !== undefined,
    metrics: () => operator?.metrics() ?? {},
  });
  if (settings.health !== undefined) await health.listen(settings.health.host, settings.health.port);
  try {
    const stopping = new AbortController();
    void stopped.promise.then(() => stopping.abort());
    const starting = start(settings, log, stopping.signal);
    operator = await Promise.race([starting, stopped.promise.then(() => undefined)]);
    if (operator === undefined) return 0;
    process.stdout.write(`${JSON.stringify({ event: 'ready', streamAddress: operator.streamAddress })}\n`);
    log.info({ streamAddress: operator.streamAddress }, 'ready');
    await stopped.promise;
    log.info({}, 'stopping');
    await operator.stop();
    return 0;
  } finally {
    if (settings.health !== undefined) await health.close();
  }
}

async function start(settings: Arguments, log: Log, signal: AbortSignal): Promise<Operator> {
  const { platform, started } = await createPlatform(settings, log);
  const { controlPlaneNamespace, trustDomain, listen, streamAddress } = settings;
  const { leafLifetimeMs, rootLifetimeMs, rotateRootAfter } = settings;
  const jwksRoots = await readRoots(settings.jwksCaFile);
  const service = `${OPERATOR_SERVICE}.${controlPlaneNamespace}.svc`;
  const operator = await Operator.start({
    ...{ platform, trustDomain, controlPlaneNamespace, listen, log },
    ...{ leafLifetimeMs, rootLifetimeMs, rotateRootAfter },
    ...(streamAddress !== undefined && { streamAddress }),
    ...(jwksRoots !== undefined && { jwksRoots }),
    ...(process.env.KUBERNETES_SERVICE_HOST && { apiServerHost: process.env.KUBERNETES_SERVICE_HOST }),
    dnsNames: settings.files === undefined ? [service, `${service}.cluster.local`] : [],
    clock: systemClock,
    random: Math.random,
    signal,
  });
  started(operator);
  return operator;
}

/** Fails at once where it would otherwise fail at every fetch. */
async function readRoots(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const roots = await readFile(file, 'utf8');
  try {
    new X509Certificate(roots);
  } catch {
    throw new Error(`--jwks-ca-file ${file} holds no certificate in PEM`);
  }
  return roots;
}

interface CreatedPlatform {
  readonly platform: Platform;
  readonly started: (operator: Operator) => void;
}

/** Each is loaded only where it is used: the Kubernetes client is large. */
async function createPlatform(settings: Arguments, log: Log): Promise<CreatedPlatform> {
  const { files, controlPlaneNamespace, podName, issuer } = settings;
  if (files !== undefined) {
    const { createFilesPlatform } = await import('./platforms/files.ts');
    return { platform: createFilesPlatform({ ...files, clock: systemClock, log }), started: () => {} };
  }
  const { createKubernetesPlatform } = await import('./platforms/kubernetes.ts');
  const platform = createKubernetesPlatform({
    controlPlaneNamespace,
    log,
    ...(podName !== undefined && { identity: podName }),
    ...(issuer && { issuer }),
  });
  return { platform, started: ({ authority }) => platform.manageInjector(authority) };
}

import { container, deployment } from './lifecycle.fixture.ts';

/** One process of h2load: one connection, one service, one version of HTTP. */
export interface Generator {
  readonly service: string;
  readonly version: 'h1' | 'h2';
}

/** Requests a second of a generator of HTTP/2. */
export const RATE = 5;
/** For how long a generator may be answered nothing before it counts as a failure, and is started anew. */
export const SILENCE_SECONDS = 20;
/** What the log says instead of a status then; h2load itself says -1 of a stream that was reset. */
export const SILENT = -2;
/** of the pod that holds all generators, and of its Deployment */
export const OUTSIDE_LOAD = 'outside';

export const generatorName = ({ service, version }: Generator): string => `${service}-${version}`;

/**
 * - HTTP/1.1: a closed loop. Its requests take a fifth of a second, so one is under way nearly all the time.
 * - HTTP/2 in cleartext, which a sidecar translates for an app that speaks HTTP/1.1 only: an open loop. Requests are
 *   sent at their time, whatever became of those before (up to 100 at once): 20 s of silence delay none.
 */
const ARGUMENTS = {
  h1: (service: string) => `--h1 http://${service}/?ms=200`,
  h2: (service: string) => `--max-concurrent-streams=100 --rps=${RATE} http://${service}/`,
} as const;

/**
 * h2load 1.52 runs for a day, so that no request ends with it, and writes a line into its log for each that ended: when
 * it began, status, how long it took (µs). What it does otherwise was tried out:
 *
 * - An answer with `connection: close` ends no request: HTTP/1.1 goes on over a new connection. With --rps it does not,
 *   and says nothing; so the closed loop has no pace.
 * - A connection that is lost, or told GOAWAY, is not made anew. What was under way is neither in the log nor among the
 *   failures of the summary, and the process is silent until its time is over.
 *
 * That is why it is watched: one that is silent is ended, noted as failed in its own log, and started again.
 */
const SCRIPT = `
  trap 'exit 0' TERM
  generate() {
    log=$1.log; shift
    touch $log
    while :; do
      h2load --clients=1 --duration=86400 --log-file=$log "$@" > /dev/null 2>&1 &
      pid=$!
      sleep 1; touch $log
      while kill -0 $pid && [ $(( $(date +%s) - $(stat -c %Y $log) )) -le ${SILENCE_SECONDS} ]; do sleep 2; done
      began=$(stat -c %.6Y $log | tr -d .)
      kill -KILL $pid; wait $pid
      printf '%s\\t${SILENT}\\t%s\\n' $began $(( $(date +%s%6N) - began )) >> $log
    done
  }
  cd /tmp && rm -f *.log`;

/** h2load in a pod of the mesh, one process for each of these. */
export function outsideLoad(where: string, generators: readonly Generator[]): object {
  const started = generators.map((each) => {
    return `generate ${generatorName(each)} ${ARGUMENTS[each.version](each.service)} 2> /dev/null &`;
  });
  const script = [SCRIPT, ...started, 'wait'].join('\n');
  return deployment(where, OUTSIDE_LOAD, 1, [container(['sh', '-c', script], {})]);
}

/** Prints the time (µs), then of every request that had not ended before this time: generator, and what its log says. */
export const readLogs = (sinceUs: number): string[] => {
  const line = `{ sub(/\\.log$/, "", FILENAME); print FILENAME, $1, $2, $3 }`;
  return ['sh', '-c', `cd /tmp && date +%s%6N && awk '$1 + $3 >= ${sinceUs} ${line}' *.log`];
};

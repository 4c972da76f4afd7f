import type { Telemetry } from '../../api/proxy-config.ts';
import { type CompiledOrigin, originOfLeaf } from './compiled-origin.ts';
import type { Conflict } from './conflict.ts';
import { settleFixed } from './mandatory.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

/** Of new traces where nobody says how many: enough to see a busy service, and no load. */
const TRACES_SAMPLED_PERCENT = 1;

export interface MergedTelemetry {
  /** undefined: nobody says anything */
  readonly telemetry: Telemetry | undefined;
  readonly origins: readonly CompiledOrigin[];
  readonly conflicts: readonly Conflict[];
}

/** Where spans go and how many are leaves of their own; so a namespace may record more and send them to the same. */
export function mergeTelemetry(hits: readonly Hit[]): MergedTelemetry {
  const leaf = <T>(field: string, read: Parameters<typeof sayingsOf<T>>[2]) =>
    settleFixed(sayingsOf(hits, `spec.telemetry.${field}`, read));
  const accessLog = leaf('accessLog', ({ telemetry }) => telemetry?.accessLog);
  const endpoint = leaf('tracing.endpoint', ({ telemetry }) => telemetry?.tracing?.endpoint);
  const percent = leaf('tracing.samplePercent', ({ telemetry }) => telemetry?.tracing?.samplePercent);
  const labels = leaf('metrics.labels', ({ telemetry }) => telemetry?.metrics?.labels);
  const said = accessLog ?? endpoint ?? labels;
  const samplePercent = percent?.value ?? TRACES_SAMPLED_PERCENT;
  return {
    telemetry: said && {
      ...(accessLog && { accessLog: { ...accessLog.value } }),
      ...(endpoint && { tracing: { endpoint: endpoint.value, samplePercent } }),
      ...(labels && { metricLabels: [...labels.value] }),
    },
    origins: [
      originOfLeaf('telemetry.accessLog', accessLog, { mode: 'Errors' }),
      originOfLeaf('telemetry.tracing.endpoint', endpoint, undefined),
      originOfLeaf('telemetry.tracing.samplePercent', percent, TRACES_SAMPLED_PERCENT),
      originOfLeaf('telemetry.metricLabels', labels, []),
    ],
    conflicts: [accessLog, endpoint, percent, labels].flatMap((each) => each?.conflicts ?? []),
  };
}

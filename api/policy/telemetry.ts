import { type Static, Type } from 'typebox';
import { notEmpty, withRules } from './rules.ts';
import { closed, only, PATTERNS, percent, set, text } from './scalars.ts';

const AccessLogSchema = withRules(
  closed(
    {
      mode: Type.Enum(['Disabled', 'Errors', 'All', 'Sampled'], { description: 'Errors when absent.' }),
      samplePercent: Type.Optional(
        percent(
          'mode Sampled only: how many of a hundred requests are logged besides errors, which all are.',
        ),
      ),
    },
    'The access log, JSON on standard output.',
  ),
  [only('Sampled', 'samplePercent', '1', 'mode')],
);

export const TelemetrySchema = notEmpty(
  closed(
    {
      accessLog: Type.Optional(AccessLogSchema),
      tracing: Type.Optional(
        closed(
          {
            endpoint: text(PATTERNS.url, 2048, 'Where spans go: OTLP over HTTP.'),
            samplePercent: Type.Optional(percent('How many of a hundred new traces are recorded.')),
          },
          'Tracing. W3C and B3 headers are read, W3C is written.',
        ),
      ),
      metrics: Type.Optional(
        closed(
          { labels: set(Type.Enum(['PathTemplate'], { description: 'A label.' }), 8, 'Further labels.') },
          'Metrics. Labels are bounded: overflow goes to one `other` series.',
        ),
      ),
    },
    'What the sidecars tell.',
  ),
);
export type Telemetry = Static<typeof TelemetrySchema>;

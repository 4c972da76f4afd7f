import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSpans } from './otlp-json.ts';
import { SPAN_KIND, type Span } from './span.ts';

const SPAN: Span = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentId: 'b7ad6b7169203331',
  name: 'GET items',
  kind: SPAN_KIND.client,
  startMs: 1_790_000_000_000.125,
  durationMs: 12.5,
  attributes: [
    ['http.request.method', 'GET'],
    ['http.response.status_code', 503],
  ],
  isError: true,
  message: 'no endpoints',
};

test('spans are written as OTLP/JSON: 64-bit numbers as text, enums as numbers, ids in hexadecimal', () => {
  assert.deepEqual(JSON.parse(encodeSpans([['service.name', 'web']], [SPAN])), {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] },
        scopeSpans: [
          {
            scope: { name: 'weft' },
            spans: [
              {
                traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
                spanId: '00f067aa0ba902b7',
                parentSpanId: 'b7ad6b7169203331',
                flags: 0x301,
                name: 'GET items',
                kind: 3,
                startTimeUnixNano: '1790000000000125000',
                endTimeUnixNano: '1790000000012625000',
                attributes: [
                  { key: 'http.request.method', value: { stringValue: 'GET' } },
                  { key: 'http.response.status_code', value: { intValue: '503' } },
                ],
                status: { code: 2, message: 'no endpoints' },
              },
            ],
          },
        ],
      },
    ],
  });
});

test('a root span that went well has no parent and no status', () => {
  const root = { ...SPAN, parentId: '', isError: false, message: '', attributes: [] };
  const [span] = JSON.parse(encodeSpans([], [root])).resourceSpans[0].scopeSpans[0].spans;
  assert.deepEqual(Object.keys(span), [
    ...['traceId', 'spanId', 'flags', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano', 'attributes'],
  ]);
  assert.equal(span.flags, 0x101);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FieldLines, type Fields } from '../http1/fields.ts';
import { readContext, writeContext } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SHORT = 'a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const OWN = 'b7ad6b7169203331';

function fieldsOf(lines: readonly string[]): Fields {
  const fields = new FieldLines();
  fields.read(lines.map((line) => `${line}\r\n`).join(''), 0);
  return fields;
}
const read = (...lines: string[]) => readContext(fieldsOf(lines));

test('traceparent tells trace, parent and decision', () => {
  const context = { traceId: TRACE, parentId: SPAN, isW3C: true, b3: 'none', debug: false };
  assert.deepEqual(read(`traceparent: 00-${TRACE}-${SPAN}-01`), { ...context, sampled: true });
  assert.deepEqual(read(`TraceParent: 00-${TRACE}-${SPAN}-00`), { ...context, sampled: false });
  assert.equal(read(`traceparent: 00-${TRACE}-${SPAN}-03`).sampled, true);
  assert.equal(read(`traceparent: 00-${TRACE}-${SPAN}-02`).sampled, false);
  assert.deepEqual(read(`traceparent: cc-${TRACE}-${SPAN}-01-of the future`), { ...context, sampled: true });
  assert.deepEqual(read(`traceparent: 01-${TRACE}-${SPAN}-01`), { ...context, sampled: true });
});

const INVALID: readonly (readonly [what: string, ...lines: string[]])[] = [
  ['empty', 'traceparent: '],
  ['version ff', `traceparent: ff-${TRACE}-${SPAN}-01`],
  ['version 00 with more', `traceparent: 00-${TRACE}-${SPAN}-01-more`],
  ['a later version without a dash', `traceparent: 01-${TRACE}-${SPAN}-01more`],
  ['one digit of a version', `traceparent: 0-${TRACE}-${SPAN}-01`],
  ['capitals', `traceparent: 00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['no digits', `traceparent: 00-${'g'.repeat(32)}-${SPAN}-01`],
  ['trace id of zeros', `traceparent: 00-${'0'.repeat(32)}-${SPAN}-01`],
  ['parent id of zeros', `traceparent: 00-${TRACE}-${'0'.repeat(16)}-01`],
  ['short trace id', `traceparent: 00-${TRACE.slice(1)}-${SPAN}-01`],
  ['long parent id', `traceparent: 00-${TRACE}-${SPAN}0-01`],
  ['no flags', `traceparent: 00-${TRACE}-${SPAN}`],
  ['one digit of flags', `traceparent: 00-${TRACE}-${SPAN}-1`],
  ['two of them', `traceparent: 00-${TRACE}-${SPAN}-01`, `traceparent: 00-${TRACE}-${SPAN}-01`],
  ['two in one', `traceparent: 00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
  ['endless', `traceparent: 01-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`],
  ['b3 with a short span id', `b3: ${TRACE}-${SPAN.slice(1)}-1`],
  ['b3 with an odd decision', `b3: ${TRACE}-${SPAN}-2`],
  ['b3 of zeros', `b3: ${'0'.repeat(32)}-${SPAN}`],
  ['b3 of 24 digits', `b3: ${TRACE.slice(8)}-${SPAN}`],
  ['B3 without a span', `X-B3-TraceId: ${TRACE}`],
  ['B3 in capitals', `X-B3-TraceId: ${TRACE.toUpperCase()}`, `X-B3-SpanId: ${SPAN}`],
  ['B3 with two trace ids', `X-B3-TraceId: ${TRACE}`, `X-B3-TraceId: ${TRACE}`, `X-B3-SpanId: ${SPAN}`],
];

for (const [what, ...lines] of INVALID) {
  test(`a context that is not valid begins a new trace: ${what}`, () => {
    const { traceId, parentId, sampled, isW3C } = read(...lines);
    assert.deepEqual(
      { traceId, parentId, sampled, isW3C },
      { traceId: '', parentId: '', sampled: undefined, isW3C: false },
    );
  });
}

test('B3 in one header: ids, decision, debug, and a decision alone', () => {
  const context = { traceId: TRACE, parentId: SPAN, isW3C: false, b3: 'single', debug: false };
  assert.deepEqual(read(`b3: ${TRACE}-${SPAN}-1`), { ...context, sampled: true });
  assert.deepEqual(read(`b3: ${TRACE}-${SPAN}-0`), { ...context, sampled: false });
  assert.deepEqual(read(`b3: ${TRACE}-${SPAN}`), { ...context, sampled: undefined });
  assert.deepEqual(read(`b3: ${TRACE}-${SPAN}-d-${OWN}`), { ...context, sampled: true, debug: true });
  assert.equal(read(`b3: ${SHORT}-${SPAN}-1`).traceId, `${'0'.repeat(16)}${SHORT}`);
  const alone = { ...context, traceId: '', parentId: '' };
  assert.deepEqual(read('b3: 0'), { ...alone, sampled: false });
  assert.deepEqual(read('b3: d'), { ...alone, sampled: true, debug: true });
});

test('B3 in several headers: ids, decision, debug, and a decision alone', () => {
  const ids = [`X-B3-TraceId: ${TRACE}`, `X-B3-SpanId: ${SPAN}`];
  const context = { traceId: TRACE, parentId: SPAN, isW3C: false, b3: 'multi', debug: false };
  assert.deepEqual(read(...ids), { ...context, sampled: undefined });
  assert.deepEqual(read(...ids, 'X-B3-Sampled: 1'), { ...context, sampled: true });
  assert.deepEqual(read(...ids, 'X-B3-Sampled: false'), { ...context, sampled: false });
  assert.deepEqual(read(...ids, 'X-B3-Flags: 1'), { ...context, sampled: true, debug: true });
  assert.deepEqual(read('X-B3-Sampled: 0'), { ...context, traceId: '', parentId: '', sampled: false });
});

test('W3C is believed before B3, one B3 header before several', () => {
  const other = '1'.repeat(32);
  const multi = [`X-B3-TraceId: ${other}`, `X-B3-SpanId: ${OWN}`, 'X-B3-Sampled: 0'];
  assert.equal(read(`traceparent: 00-${TRACE}-${SPAN}-01`, ...multi).traceId, TRACE);
  assert.equal(read(`traceparent: 00-${TRACE}-${SPAN}-01`, ...multi).sampled, true);
  assert.equal(read(`b3: ${TRACE}-${SPAN}-1`, ...multi).traceId, TRACE);
  assert.equal(read('b3: nonsense', ...multi).traceId, other);
});

function written(lines: readonly string[], sampled = true): string[] {
  const fields = fieldsOf(lines);
  const incoming = readContext(fields);
  const { parentId } = incoming;
  writeContext(fields, incoming, { traceId: incoming.traceId || TRACE, spanId: OWN, parentId, sampled });
  return fields.serialize().split('\r\n').slice(0, -1).sort();
}

test('what goes on is W3C, with the own span above what comes behind', () => {
  const state = ['tracestate: a=1', 'tracestate: b=2'];
  assert.deepEqual(written([`traceparent: 00-${TRACE}-${SPAN}-01`, ...state]), [
    `traceparent: 00-${TRACE}-${OWN}-01`,
    ...state,
  ]);
  assert.deepEqual(written([]), [`traceparent: 00-${TRACE}-${OWN}-01`]);
});

test('tracestate goes with the traceparent it came with, and not without', () => {
  assert.deepEqual(written([`traceparent: 00-${TRACE}-${SPAN}-1`, 'tracestate: a=1']), [
    `traceparent: 00-${TRACE}-${OWN}-01`,
  ]);
});

test('B3 that came is written anew in its own form, for an app that knows only that', () => {
  const w3c = `traceparent: 00-${TRACE}-${OWN}-01`;
  assert.deepEqual(written([`b3: ${TRACE}-${SPAN}-1`]), [`b3: ${TRACE}-${OWN}-1-${SPAN}`, w3c]);
  assert.deepEqual(written([`b3: ${TRACE}-${SPAN}-d`]), [`b3: ${TRACE}-${OWN}-d-${SPAN}`, w3c]);
  assert.deepEqual(written([`b3: ${SHORT}-${SPAN}-1`]), [
    `b3: ${SHORT}-${OWN}-1-${SPAN}`,
    `traceparent: 00-${'0'.repeat(16)}${SHORT}-${OWN}-01`,
  ]);
  const multi = [`X-B3-TraceId: ${TRACE}`, `X-B3-SpanId: ${SPAN}`, `X-B3-ParentSpanId: ${OWN}`];
  assert.deepEqual(written([...multi, 'X-B3-Sampled: 1']), [
    w3c,
    `x-b3-parentspanid: ${SPAN}`,
    'x-b3-sampled: 1',
    `x-b3-spanid: ${OWN}`,
    `x-b3-traceid: ${TRACE}`,
  ]);
  assert.ok(written([...multi, 'X-B3-Flags: 1']).includes('x-b3-flags: 1'));
  assert.ok(written(multi, false).includes('x-b3-sampled: 0'));
  assert.deepEqual(written(['b3: 0'], false), [
    `b3: ${TRACE}-${OWN}-0`,
    `traceparent: 00-${TRACE}-${OWN}-00`,
  ]);
});

test('a context that was written is read as the same, whatever came before', () => {
  const hex = (length: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((id) => !/^0+$/.test(id));
  const line = fc.oneof(
    fc.tuple(
      fc.constantFrom('traceparent', 'b3', 'tracestate', 'X-B3-TraceId', 'x-b3-sampled'),
      fc.stringMatching(/^[!-~]{0,40}$/),
    ),
    fc.tuple(
      fc.constant('traceparent'),
      fc.tuple(hex(32), hex(16)).map(([trace, span]) => `00-${trace}-${span}-01`),
    ),
    fc.tuple(
      fc.constant('b3'),
      fc.tuple(hex(32), hex(16)).map(([trace, span]) => `${trace}-${span}-1`),
    ),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 6 }),
      hex(32),
      hex(16),
      fc.boolean(),
      (came, traceId, spanId, sampled) => {
        const fields = fieldsOf(came.map(([name, value]) => `${name}: ${value}`));
        writeContext(fields, readContext(fields), { traceId, spanId, parentId: '', sampled });
        const again = readContext(fieldsOf(fields.serialize().split('\r\n').slice(0, -1)));
        assert.deepEqual(
          [again.traceId, again.parentId, again.sampled, again.isW3C],
          [traceId, spanId, sampled, true],
        );
      },
    ),
  );
});

import type { Fields } from '../http1/fields.ts';
import type { IncomingContext, OutgoingContext } from './trace-context.ts';

/**
 * B3 propagation (github.com/openzipkin/b3-propagation): one header `b3`, or several `x-b3-…`. The one header is
 * preferred, as its specification says. Trace ids of 64 bits are filled up with zeros in front.
 */
export const B3_NAMES = [
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
] as const;

const SINGLE = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/;
const DECISION = /^[01d]$/;
const TRACE_ID = /^(?:[0-9a-f]{32}|[0-9a-f]{16})$/;
const SPAN_ID = /^[0-9a-f]{16}$/;
const ONLY_ZEROS = /^0+$/;
const SHORT_PREFIX = '0'.repeat(16);

const NOTHING: IncomingContext = {
  traceId: '',
  parentId: '',
  sampled: undefined,
  isW3C: false,
  b3: 'none',
  debug: false,
};

export function readB3(fields: Fields): IncomingContext {
  const single = only(fields, 'b3');
  if (single !== undefined) {
    if (DECISION.test(single)) return contextOf('single', '', '', single);
    const [, traceId, spanId, decision] = SINGLE.exec(single) ?? [];
    if (traceId !== undefined) return contextOf('single', traceId, spanId!, decision);
  }
  const traceId = only(fields, 'x-b3-traceid') ?? '';
  const spanId = only(fields, 'x-b3-spanid') ?? '';
  const decision = decisionOf(only(fields, 'x-b3-sampled'), only(fields, 'x-b3-flags'));
  if (traceId !== '' || decision !== undefined) {
    const isValid = TRACE_ID.test(traceId) && SPAN_ID.test(spanId);
    return contextOf('multi', isValid ? traceId : '', isValid ? spanId : '', decision);
  }
  return single === undefined ? NOTHING : { ...NOTHING, b3: 'single' };
}

function contextOf(
  b3: 'single' | 'multi',
  traceId: string,
  spanId: string,
  decision: string | undefined,
): IncomingContext {
  const isPlace = traceId !== '' && !ONLY_ZEROS.test(traceId) && !ONLY_ZEROS.test(spanId);
  return {
    traceId: isPlace ? traceId.padStart(32, '0') : '',
    parentId: isPlace ? spanId : '',
    sampled: decision === undefined ? undefined : decision !== '0',
    isW3C: false,
    b3,
    debug: decision === 'd',
  };
}

/** `true` and `false` are what old tracers say. */
function decisionOf(sampled: string | undefined, flags: string | undefined): '0' | '1' | 'd' | undefined {
  if (flags === '1') return 'd';
  if (sampled === '1' || sampled === 'true') return '1';
  return sampled === '0' || sampled === 'false' ? '0' : undefined;
}

/** A field that came twice says nothing. */
function only(fields: Fields, name: string): string | undefined {
  // most requests have none of them
  if (fields.get(name) === undefined) return undefined;
  const values = fields.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

export function writeB3(
  fields: Fields,
  form: 'single' | 'multi',
  debug: boolean,
  { traceId, spanId, parentId, sampled }: OutgoingContext,
): void {
  // whoever sent 64 bits may understand no more
  const shown = traceId.startsWith(SHORT_PREFIX) ? traceId.slice(SHORT_PREFIX.length) : traceId;
  if (form === 'single') {
    const decision = debug && sampled ? 'd' : sampled ? '1' : '0';
    fields.add('b3', `${shown}-${spanId}-${decision}${parentId === '' ? '' : `-${parentId}`}`);
    return;
  }
  fields.add('x-b3-traceid', shown);
  fields.add('x-b3-spanid', spanId);
  if (parentId !== '') fields.add('x-b3-parentspanid', parentId);
  if (debug && sampled) fields.add('x-b3-flags', '1');
  else fields.add('x-b3-sampled', sampled ? '1' : '0');
}

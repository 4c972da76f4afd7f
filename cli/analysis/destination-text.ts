import { isDeepStrictEqual } from 'node:util';
import type { EffectiveValue, ExplainedDestination } from '../../api/analysis.ts';
import { columns, counted, type Row } from './columns.ts';
import { describeOrigin } from './describe-origin.ts';
import { describeValue } from './describe-value.ts';

/** Pure: how callers reach a destination, what is said of each backend below its name. */
export function destinationText(destination: ExplainedDestination): string[] {
  const { key, caller, protocol, endpoints, backends, values, ownViews } = destination;
  const who = caller === undefined ? 'as callers see it' : `as ${caller} sees it`;
  const facts = [protocol ?? 'protocol detected', counted(endpoints, 'ready endpoint')];
  const own = values.filter(({ path }) => !path.startsWith('backends['));
  return [
    '',
    `${key}, ${who}: ${facts.join(', ')}`,
    ...(values.length === 0 ? ['  nothing but defaults'] : columns(own.map(valueRow), '  ')),
    ...backends.flatMap((each) => [
      `  backend ${each.name}: ${counted(each.endpoints, 'ready endpoint')}`,
      ...columns(valuesOf(each.name, destination, own).map(valueRow), '    '),
    ]),
    ...(ownViews.length === 0 ? [] : [`  callers with a view of their own: by ${ownViews.join(', ')}`]),
  ];
}

/** Of a subset of the destination's own endpoints, without what is told of them all. */
function valuesOf(
  name: string,
  { key, values }: ExplainedDestination,
  own: readonly EffectiveValue[],
): EffectiveValue[] {
  const start = `backends[${name}].`;
  const said = values
    .filter(({ path }) => path.startsWith(start))
    .map((value) => ({ ...value, path: value.path.slice(start.length) }));
  if (!name.startsWith(`${key}{`)) return said;
  return said.filter((value) => !own.some((each) => isDeepStrictEqual(each, value)));
}

export function valueRow(value: EffectiveValue): Row {
  return {
    name: value.path.slice(value.path.indexOf('.') + 1),
    value: describeValue(value.path, value.value),
    remark: describeOrigin(value),
  };
}

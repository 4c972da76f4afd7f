import type { EffectiveValue, FieldChange } from '../../api/analysis.ts';
import { isSame } from '../compile/leaf.ts';

/**
 * Pure: what differs between the values that hold before and after, field by field. Who says a value is no
 * difference. A port that has values of its own on one side only is compared with what held for every port on
 * the other.
 */
export function changesOf(
  before: readonly EffectiveValue[],
  after: readonly EffectiveValue[],
): FieldChange[] {
  const ports = new Set([...before, ...after].flatMap(({ port }) => port ?? []));
  const everywhere = changesOfScope(scopeOf(before, undefined), scopeOf(after, undefined));
  const ofPorts = [...ports]
    .sort((a, b) => a - b)
    .flatMap((port) =>
      changesOfScope(scopeOf(before, port), scopeOf(after, port))
        .filter((change) => !everywhere.some((each) => isSameChange(each, change)))
        .map((change) => ({ ...change, port })),
    );
  return [...everywhere, ...orderOfRoutes(before, after), ...ofPorts];
}

/** Empty lists that nobody wrote stand for nothing. */
function scopeOf(values: readonly EffectiveValue[], wanted: number | undefined): EffectiveValue[] {
  const own = values.filter(({ port }) => port === wanted);
  const here =
    own.length > 0
      ? own
      : values.filter(({ port, path }) => port === undefined && path.startsWith('inbound.'));
  return here.filter(({ value, origin }) => origin !== undefined || !isSame(value, []));
}

function changesOfScope(before: readonly EffectiveValue[], after: readonly EffectiveValue[]): FieldChange[] {
  const was = new Map(before.map((each) => [identityOf(each), each]));
  const is = new Map(after.map((each) => [identityOf(each), each]));
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((identity) =>
    changesOfValue(was.get(identity), is.get(identity)),
  );
}

/** Items of merged lists are named by their policies, and two policies may give one name. */
function identityOf({ path, origin }: EffectiveValue): string {
  return path.endsWith(']') && path.startsWith('inbound.') ? `${path} ${origin?.policy}` : path;
}

function changesOfValue(
  before: EffectiveValue | undefined,
  after: EffectiveValue | undefined,
): FieldChange[] {
  const { path } = (after ?? before)!;
  return [...differences(path, before?.value, after?.value)].map((change) => ({
    ...change,
    ...(before?.origin && { originBefore: before.origin }),
    ...(after?.origin && { originAfter: after.origin }),
  }));
}

type Difference = Pick<FieldChange, 'path' | 'before' | 'after'>;

function* differences(path: string, before: unknown, after: unknown): Generator<Difference> {
  const isThere = before !== undefined && after !== undefined;
  if (before === after || (isThere && isSame(before, after))) return;
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      yield* differences(`${path}.${key}`, own(before, key), own(after, key));
    }
  } else if (isListOfMaps(before) && isListOfMaps(after)) yield* listDifferences(path, before, after);
  else yield { path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
}

function* listDifferences(
  path: string,
  before: readonly JsonMap[],
  after: readonly JsonMap[],
): Generator<Difference> {
  const isNamed = [...before, ...after].every(({ name }) => typeof name === 'string');
  if (!isNamed && before.length !== after.length) {
    yield { path, before, after };
    return;
  }
  const nameOf = (item: JsonMap, index: number) => (isNamed ? String(item.name) : String(index));
  const was = new Map(before.map((item, index) => [nameOf(item, index), item]));
  const is = new Map(after.map((item, index) => [nameOf(item, index), item]));
  for (const name of new Set([...was.keys(), ...is.keys()])) {
    yield* differences(`${path}[${name}]`, was.get(name), is.get(name));
  }
}

/** The order of routes decides where Gateway API's precedence does not. */
function orderOfRoutes(before: readonly EffectiveValue[], after: readonly EffectiveValue[]): FieldChange[] {
  const routes = (values: readonly EffectiveValue[]) =>
    values.filter(({ path }) => ROUTE.test(path)).map(({ path }) => path.replace(ROUTE, '$1'));
  const [was, is] = [routes(before), routes(after)];
  const [kept, keptNow] = [was.filter((name) => is.includes(name)), is.filter((name) => was.includes(name))];
  return isSame(kept, keptNow) ? [] : [{ path: 'traffic.routes', before: was, after: is }];
}
const ROUTE = /^traffic\.routes\[(.*)\]$/;

function isSameChange(a: FieldChange, b: FieldChange): boolean {
  return a.path === b.path && isSame(a.before, b.before) && isSame(a.after, b.after);
}

type JsonMap = Readonly<Record<string, unknown>>;
/** A key may be `toString`, which every object has. */
const own = (map: JsonMap, key: string): unknown => (Object.hasOwn(map, key) ? map[key] : undefined);
function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isListOfMaps(value: unknown): value is readonly JsonMap[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMap);
}

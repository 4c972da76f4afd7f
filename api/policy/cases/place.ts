import { formatPath } from '../../problems.ts';

type Step = string | number;

/** Where a value stands in a spec. */
export interface Place {
  readonly steps: readonly Step[];
  readonly value: unknown;
}

/** The first place that a path of the schema (`spec.a[].b`, `spec.map.*`) stands for; undefined: there is none. */
export function placeIn(spec: unknown, path: string): Place | undefined {
  const steps = path.replaceAll('[]', '.[]').split('.').slice(1);
  return follow({ steps: [], value: spec }, steps);
}

/** Recursion is bounded by the length of the path. */
function follow(place: Place, [step, ...rest]: readonly string[]): Place | undefined {
  if (step === undefined) return place.value === undefined ? undefined : place;
  if (typeof place.value !== 'object' || place.value === null) return undefined;
  const all = Array.isArray(place.value) ? [...place.value.keys()] : Object.keys(place.value);
  for (const way of step === '[]' || step === '*' ? all : [step]) {
    const value = (place.value as Record<Step, unknown>)[way];
    const found = follow({ steps: [...place.steps, way], value }, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `spec.a[0].b` */
export function pathOf(steps: readonly Step[]): string {
  return formatPath(['spec', ...steps.map(String)]);
}

/** The path of the schema that a path in a document is one place of: `spec.a[0].b` → `spec.a[].b`. */
export function schemaPath(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '[]');
}

/** A copy of the spec with another value there. */
export function replaced(spec: unknown, steps: readonly Step[], value: unknown): unknown {
  const last = steps.at(-1);
  if (last === undefined) return value;
  const copy = structuredClone(spec);
  parentIn(copy, steps)[last] = value;
  return copy;
}

/** A copy of the spec with nothing there. */
export function without(spec: unknown, steps: readonly Step[]): unknown {
  const copy = structuredClone(spec);
  delete parentIn(copy, steps)[steps.at(-1) ?? ''];
  return copy;
}

function parentIn(spec: unknown, steps: readonly Step[]): Record<Step, unknown> {
  return steps
    .slice(0, -1)
    .reduce((at, step) => at[step] as Record<Step, unknown>, spec as Record<Step, unknown>);
}

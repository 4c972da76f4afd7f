import type { Lost, Origin, Settled } from './leaf.ts';

/**
 * Of one compiled value, who said it. Not part of the configuration: it is computed when somebody asks.
 * Of `inbound`, the entries of a port are all there is to know of that port; those without one are about every
 * port that has no entries.
 */
export interface CompiledOrigin {
  /** the compiled value: `inbound.mtls`, `inbound.rateLimits[per-caller]`, `egress.mode` */
  readonly path: string;
  /** container port */
  readonly port?: number;
  /** undefined: nobody says anything, and this is the default */
  readonly origin: Origin | undefined;
  /** undefined: none, the sidecar's own holds */
  readonly value: unknown;
  /** what was said by others and does not hold, the strongest first */
  readonly lost: readonly Lost[];
}

export function originOfLeaf(
  path: string,
  settled: Settled<unknown> | undefined,
  byDefault: unknown,
): CompiledOrigin {
  if (settled === undefined) return { path, origin: undefined, value: byDefault, lost: [] };
  return { path, origin: settled.origin, value: settled.value, lost: settled.lost };
}

/** An item of a compiled list. */
export interface Item<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** One entry for each item; the first carries what lost against the list. Of an empty list one for the list. */
export function originsOfList(
  path: string,
  items: readonly Item<{ readonly name: string }>[],
  lost: readonly Lost[],
): CompiledOrigin[] {
  if (items.length === 0) return [{ path, origin: undefined, value: [], lost }];
  return items.map(({ value, origin }, index) => ({
    ...{ path: `${path}[${value.name}]`, origin, value, lost: index === 0 ? lost : [] },
  }));
}

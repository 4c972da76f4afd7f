import type { Operation } from '../../api/mesh-policy.ts';
import type { Caller } from './caller.ts';
import { type Grant, sumOf } from './grants.ts';
import { inParts, operationsOf } from './operations.ts';
import type { ProposedRule } from './propose.ts';
import type { Seen } from './seen.ts';

/** As MeshPolicy has them. */
export const MAX_RULES = 64;
export const MAX_SOURCES = 32;
const MAX_OPERATIONS = 16;
/** A policy, and with it what proxies are told, must stay well below 256 KiB. */
const MAX_PATTERN_CHARS = 48 * 1024;

interface Group {
  readonly callers: Caller[];
  readonly operations: readonly Operation[];
  /** of each caller */
  readonly grants: Grant[];
}

/** Callers that are to be allowed the same stand in one rule. */
export class Groups {
  readonly #groups = new Map<string, Group>();
  #chars = 0;

  /** False: there is no room for them. */
  add(caller: Caller, grants: readonly Grant[]): boolean {
    const operations = operationsOf(grants);
    const key = JSON.stringify([caller.isAnonymous, operations]);
    const known = this.#groups.get(key);
    const hasRoom = known !== undefined && known.callers.length % MAX_SOURCES !== 0;
    const more = hasRoom ? 0 : Math.ceil(operations.length / MAX_OPERATIONS);
    if (this.#ruleCount + more > MAX_RULES) return false;
    if (more > 0 && this.#chars + key.length > MAX_PATTERN_CHARS) return false;
    if (more > 0) this.#chars += key.length;
    if (known === undefined) this.#groups.set(key, { callers: [caller], operations, grants: [...grants] });
    else {
      known.callers.push(caller);
      known.grants.push(...grants);
    }
    return true;
  }

  get #ruleCount(): number {
    let count = 0;
    for (const { callers, operations } of this.#groups.values()) {
      count += Math.ceil(callers.length / MAX_SOURCES) * Math.ceil(operations.length / MAX_OPERATIONS);
    }
    return count;
  }

  rules(isConditional: (rule: string) => boolean): Unnamed[] {
    return [...this.#groups.values()].flatMap((group) => rulesOf(group, isConditional));
  }
}

export interface Unnamed extends Omit<ProposedRule, 'name'> {
  /** of the callers */
  readonly names: readonly string[];
}

function rulesOf(
  { callers, operations, grants }: Group,
  isConditional: (rule: string) => boolean,
): Unnamed[] {
  return inParts(callers, MAX_SOURCES).flatMap((some) =>
    inParts(operations, MAX_OPERATIONS).map((to) => {
      const seen = [...new Set(to.flatMap((operation) => seenBy(operation, grants)))];
      return {
        names: some.map(({ name }) => name),
        from: some.map(({ source }) => source),
        to: to.map((operation) => {
          const its = seenBy(operation, grants);
          return { operation, requests: sumOf(its), paths: new Set(its.map(({ path }) => path)).size };
        }),
        requests: sumOf(seen),
        firstMs: seen.reduce((first, { firstMs }) => Math.min(first, firstMs), Number.POSITIVE_INFINITY),
        lastMs: seen.reduce((last, { lastMs }) => Math.max(last, lastMs), 0),
        conditional: [...new Set(seen.flatMap(({ rules }) => [...rules]))].filter(isConditional),
      };
    }),
  );
}

function seenBy({ methods, paths }: Operation, grants: readonly Grant[]): Seen[] {
  return grants
    .filter(
      ({ method, patterns }) =>
        methods?.includes(method) &&
        (patterns.length === 0 ? paths === undefined : patterns.every((pattern) => paths?.includes(pattern))),
    )
    .flatMap(({ seen }) => seen);
}

import { canonicalJson } from '../compile/canonical-json.ts';

/** A thousand equal things are one thing with a thousand keys; in the order of the first of each. */
export function grouped<T>(
  each: readonly { readonly key: string; readonly of: T }[],
): { readonly keys: readonly string[]; readonly of: T }[] {
  const groups = new Map<string, { readonly keys: string[]; readonly of: T }>();
  for (const { key, of } of each) {
    const text = canonicalJson(of);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, { keys: [key], of });
    else group.keys.push(key);
  }
  return [...groups.values()];
}

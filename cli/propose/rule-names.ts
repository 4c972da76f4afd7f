import type { Unnamed } from './groups.ts';
import type { ProposedRule } from './propose.ts';

const MAX_CHARS = 50;

/** Each after its first caller: `web`, `ops-job-and-2-more`. Unique, since metrics and logs name rules. */
export function nameRules(rules: readonly Unnamed[]): ProposedRule[] {
  const taken = new Set<string>();
  return rules.map(({ names, ...rule }) => {
    const more = names.length > 1 ? `-and-${names.length - 1}-more` : '';
    const wanted = labelOf(names[0]!) + more;
    let name = wanted;
    for (let next = 2; taken.has(name); next += 1) name = `${wanted}-${next}`;
    taken.add(name);
    return { name, ...rule };
  });
}

/** What a name of a rule may be: at most 63 characters, of which the first and last are letters or digits. */
function labelOf(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/^spiffe:\/\//, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_CHARS)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'caller' : label;
}

import { parseCidr } from './address.ts';
import { CHAIN_PREFIX, CHAINS } from './rules.ts';

/**
 * The nat table as text: what iptables-save printed, what iptables-restore is given. Built-in chains may hold
 * rules of others, which are never touched.
 */

/** The lines of the nat table in what iptables-save printed. */
export function natTable(saved: string): string[] {
  const lines = saved.split('\n').map((line) => line.trim());
  const start = lines.indexOf('*nat');
  if (start < 0) return [];
  const end = lines.indexOf('COMMIT', start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

export function hasRules(saved: string): boolean {
  return saved.split('\n').some((line) => line.startsWith('-A '));
}

export function hasOwnChains(saved: string): boolean {
  return ownChains(natTable(saved)).length > 0;
}

/**
 * Input for `iptables-restore --noflush`: one transaction that takes away what an earlier start left and puts
 * `rules` in its place. `saved` is the table as it is now.
 */
export function replacement(saved: string, rules: readonly string[]): string {
  const table = natTable(saved);
  const stale = ownChains(table).filter((chain) => !(CHAINS as readonly string[]).includes(chain));
  return transaction([
    ...CHAINS.map((chain) => `:${chain} - [0:0]`),
    ...jumps(table).map((rule) => rule.replace(/^-A/, '-D')),
    ...[...CHAINS, ...stale].map((chain) => `-F ${chain}`),
    ...stale.map((chain) => `-X ${chain}`),
    ...rules,
  ]);
}

/** Input that takes away everything of ours, and nothing else. */
export function removal(saved: string): string {
  const table = natTable(saved);
  const chains = ownChains(table);
  return transaction([
    ...jumps(table).map((rule) => rule.replace(/^-A/, '-D')),
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
  ]);
}

/** What is missing from the table, and what of ours is in it but should not be. Both empty: as it should be. */
export function difference(
  saved: string,
  rules: readonly string[],
): { readonly missing: string[]; readonly unexpected: string[] } {
  const found = natTable(saved).filter((line) => line.startsWith('-A ') && line.includes(CHAIN_PREFIX));
  const foundKeys = byChain(found);
  const wantedKeys = byChain(rules);
  return {
    missing: rules.filter((_, index) => !foundKeys.includes(wantedKeys[index]!)),
    unexpected: found.filter((_, index) => !wantedKeys.includes(foundKeys[index]!)),
  };
}

/** Each rule with its position in its own chain, since order is meaning; built-in chains hold one of ours. */
function byChain(rules: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return rules.map((rule) => {
    const chain = rule.split(' ')[1] ?? '';
    const position = counts.get(chain) ?? 0;
    counts.set(chain, position + 1);
    return `${chain} ${position} ${normalRule(rule)}`;
  });
}

/**
 * One spelling for one rule: `-m tcp` and the like are implied, the order of options is free, addresses have
 * several forms and a range of everything is not printed.
 */
export function normalRule(rule: string): string {
  const options: string[][] = [];
  for (const token of rule.split(/\s+/).filter((part) => part !== '')) {
    const last = options.at(-1);
    if (token === '!') options.push(['!']);
    else if (!token.startsWith('-')) last?.push(parseCidr(token)?.text ?? token);
    else if (last?.length === 1 && last[0] === '!') last.push(token);
    else options.push([token]);
  }
  return options
    .filter(([name, value]) => name !== '-m' && value !== '0.0.0.0/0' && value !== '::/0')
    .map((option) => option.join(' '))
    .sort()
    .join(' ');
}

function jumps(table: readonly string[]): string[] {
  return table.filter((line) => new RegExp(`^-A (?!${CHAIN_PREFIX}).* -[jg] ${CHAIN_PREFIX}`).test(line));
}

function ownChains(table: readonly string[]): string[] {
  return table
    .filter((line) => line.startsWith(`:${CHAIN_PREFIX}`))
    .map((line) => line.slice(1).split(' ')[0] ?? '');
}

function transaction(lines: readonly string[]): string {
  return ['*nat', ...lines, 'COMMIT', ''].join('\n');
}

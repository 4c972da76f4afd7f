import type { Egress } from '../../api/proxy-config.ts';
import { type CompiledOrigin, originOfLeaf } from './compiled-origin.ts';
import type { Conflict } from './conflict.ts';
import { compileHosts, type EgressHosts, within } from './egress-hosts.ts';
import { conflictOf, isSame, lostBy, type Saying, type Settled, settle, strongest } from './leaf.ts';
import { isMandatory, settleAtLeast } from './mandatory.ts';
import { sayingsOf } from './sayings.ts';
import type { Hit } from './target.ts';

export interface MergedEgress {
  /** undefined: nobody says anything, everything may be reached */
  readonly egress: Egress | undefined;
  readonly origins: readonly CompiledOrigin[];
  readonly conflicts: readonly Conflict[];
}

type Mode = Egress['mode'];

export function mergeEgress(hits: readonly Hit[]): MergedEgress {
  const modes = sayingsOf(hits, 'spec.egress.mode', ({ egress }) => egress?.mode);
  const lists = sayingsOf(
    hits,
    'spec.egress.hosts',
    ({ egress }) => egress?.hosts && compileHosts(egress.hosts),
  );
  const mode = settleAtLeast(modes, (value) => value === 'AllowAll');
  const hosts = isListMandatory(modes) ? settleWithin(lists) : settle(lists);
  return {
    egress: compiled(mode, hosts),
    origins: [originOfLeaf('egress.mode', mode, 'AllowAll'), originOfLeaf('egress.hosts', hosts, [])],
    conflicts: [...(mode?.conflicts ?? []), ...(hosts?.conflicts ?? [])],
  };
}

function compiled(
  mode: Settled<Mode> | undefined,
  hosts: Settled<EgressHosts> | undefined,
): Egress | undefined {
  if (mode === undefined && hosts === undefined) return undefined;
  return {
    mode: mode?.value ?? 'AllowAll',
    ...(mode && { policy: mode.origin.policy }),
    hosts: hosts?.value ?? [],
  };
}

/** Under AllowAll a list restricts nothing, so there is nothing to hold. */
function isListMandatory(modes: readonly Saying<Mode>[]): boolean {
  return modes.some((each) => each.value === 'AllowListed' && isMandatory(each));
}

/** The most specific list, of which only that remains which the mandatory ones let through too. */
function settleWithin(lists: readonly Saying<EgressHosts>[]): Settled<EgressHosts> | undefined {
  const settled = settle(lists);
  const winner = strongest(lists);
  if (settled === undefined || winner === undefined) return undefined;
  return ceilings(lists)
    .filter((ceiling) => ceiling !== winner)
    .reduce((held, ceiling) => cut(held, winner, ceiling), settled);
}

/** Mandatory lists, one of each specificity: among equals the usual order decides. */
function ceilings(lists: readonly Saying<EgressHosts>[]): Saying<EgressHosts>[] {
  const mandatory = lists.filter(isMandatory);
  const levels = [...new Set(mandatory.map(({ specificity }) => specificity))].sort((a, b) => a - b);
  return levels.flatMap((level) => strongest(mandatory.filter((each) => each.specificity === level)) ?? []);
}

function cut(
  held: Settled<EgressHosts>,
  winner: Saying<EgressHosts>,
  ceiling: Saying<EgressHosts>,
): Settled<EgressHosts> {
  const value = within(held.value, ceiling.value);
  const lost = held.lost.filter(({ origin }) => origin.policy !== ceiling.policy.key);
  if (isSame(value, held.value)) return { ...held, lost };
  const refused = held.value.filter((host) => !value.some((each) => isSame(each, host)));
  return {
    ...{ value, origin: held.origin },
    lost: [lostBy({ ...winner, value: refused }), ...lost],
    conflicts: [...held.conflicts, { ...conflictOf(winner, ceiling), mandatory: true }],
  };
}

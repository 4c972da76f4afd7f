import type { Command } from 'commander';
import type { Access, Sidecar } from './access/access.ts';
import { keyOf } from './access/access.ts';
import { askAll, reportUnanswered, type Unanswered } from './access/ask-all.ts';
import { type AccessFlags, allNamespacesOption, WHICH_MESH, withAccessFlags } from './access/flags.ts';
import { openAccess, selectionOf } from './access/open-access.ts';
import { type Format, formatOption } from './analysis/flags.ts';
import { printAs } from './analysis/print.ts';
import { markCopies } from './trail/copies.ts';
import { hint } from './trail/hint.ts';
import { keptOf, readKept, unknownText } from './trail/kept.ts';
import { inOrder } from './trail/located.ts';
import { readTrails } from './trail/read-trails.ts';
import { trailText } from './trail/trail-text.ts';
import { whyThisAnswer } from './trail/why.ts';
import { UsageError } from './usage-error.ts';

interface Flags extends AccessFlags {
  readonly pods?: readonly string[];
  readonly output: Format;
}

const ID_MAX = 128;

const HELP = `
A request has the id that it brought in the header x-request-id, else one that its first sidecar gave it. Answers
that the mesh itself makes (those with weft-error) and access logs name it, and apps are told it with the request.
Sidecars keep their last 2,048 requests, not those that are not parsed (TLS of the app, TCP).

${WHICH_MESH}

Exit codes: 0 found, 1 nobody knows it or the mesh cannot be read, 2 not asked rightly.`;

/** `weft explain request ID`: the trail of one request through the sidecars of both sides. */
export function addExplainRequest(explain: Command): void {
  const command = explain
    .command('request')
    .description('why a request got its answer: its way through the sidecars, with the policies that decided')
    .argument('<id>', 'the value of x-request-id, or the id of a trace')
    .option('--pods <name...>', 'ask only these')
    .addOption(allNamespacesOption())
    .addOption(formatOption())
    .addHelpText('after', HELP);
  withAccessFlags(command).action(async (id: string, flags: Flags) => {
    process.exitCode = await explainRequest(id, flags);
  });
}

async function explainRequest(id: string, flags: Flags): Promise<number> {
  if (id === '' || id.length > ID_MAX) {
    throw new UsageError('that is not the id of a request', `it has 1 to ${ID_MAX} characters`);
  }
  const access = await openAccess(flags);
  const sidecars = await access.proxies(selectionOf(access, flags, flags.pods));
  if (sidecars.length === 0) {
    throw noSidecars(flags.namespace ?? access.namespace, flags);
  }
  const path = `/trails?${new URLSearchParams({ id, limit: '100' })}`;
  const { answered, unanswered } = await askAll(
    access,
    sidecars,
    () => ({ method: 'GET', path }),
    readTrails,
  );
  const located = markCopies(
    inOrder(
      answered.flatMap(({ proxy, answer }) => answer.map((record) => ({ sidecar: keyOf(proxy), record }))),
    ),
  );
  reportUnanswered(unanswered);
  if (located.length === 0) return notFound(id, access, sidecars, unanswered, flags);
  printAs(flags.output, { id, why: whyThisAnswer(located), records: located, unanswered }, () => [
    ...trailText(id, located),
    ...hint(located, flags),
  ]);
  return 0;
}

function noSidecars(namespace: string, { allNamespaces }: Flags): UsageError {
  return allNamespaces
    ? new UsageError('no pod with a sidecar is in any namespace')
    : new UsageError(`no pod with a sidecar is in ${namespace}`, 'look elsewhere with -n NAME, or -A');
}

/** How much is kept, and for how long, so that one knows whether it can still be there. */
async function notFound(
  id: string,
  access: Access,
  sidecars: readonly Sidecar[],
  unanswered: readonly Unanswered[],
  { output, allNamespaces }: Flags,
): Promise<number> {
  const failed = new Set(unanswered.map(({ proxy }) => proxy));
  const asked = sidecars.filter((sidecar) => !failed.has(keyOf(sidecar)));
  const everything = { method: 'POST', path: '/replay', body: '{}' } as const;
  const { answered } = await askAll(access, asked, () => everything, readKept);
  const kept = answered.map(({ proxy, answer }) => keptOf(keyOf(proxy), answer));
  printAs(output, { id, records: [], unanswered, kept }, () => unknownText(id, kept, allNamespaces === true));
  return 1;
}

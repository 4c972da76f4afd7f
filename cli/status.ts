import type { Command } from 'commander';
import { type Access, keyOf } from './access/access.ts';
import { askAll } from './access/ask-all.ts';
import { type AccessFlags, allNamespacesOption, WHICH_MESH, withAccessFlags } from './access/flags.ts';
import { openAccess, selectionOf } from './access/open-access.ts';
import { type Format, formatOption } from './analysis/flags.ts';
import { printAs } from './analysis/print.ts';
import { proxyView, type SidecarConfig } from './status/proxy-view.ts';
import { readConfig } from './status/read-config.ts';
import { statusText } from './status/status-text.ts';

interface Flags extends AccessFlags {
  readonly output: Format;
}

const HELP = `
${WHICH_MESH}

Exit codes: 0 told, 1 the mesh cannot be read or there is no such namespace, 2 not asked rightly.`;

/** `weft status`: proxies and policies, as they are. */
export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('proxies with the version and certificate they hold, and policies with what is said of them')
    .addOption(allNamespacesOption())
    .addOption(formatOption())
    .addHelpText('after', HELP);
  withAccessFlags(command).action(status);
}

async function status(flags: Flags): Promise<void> {
  const access = await openAccess(flags);
  const selection = selectionOf(access, flags);
  const [sidecars, all] = await Promise.all([
    access.proxies(selection),
    access.policies(selection.namespace),
  ]);
  if (sidecars.length + all.length === 0) await existing(access, selection.namespace);
  const { answered, unanswered } = await askAll(
    access,
    sidecars,
    () => ({ method: 'GET', path: '/config' }),
    readConfig,
  );
  const answers = new Map<string, SidecarConfig | { readonly problem: string }>([
    ...answered.map(({ proxy, answer }) => [keyOf(proxy), answer] as const),
    ...unanswered.map(({ proxy, reason }) => [proxy, { problem: `could not be asked: ${reason}` }] as const),
  ]);
  const proxies = sidecars.map((sidecar) => proxyView(sidecar, answers.get(keyOf(sidecar))!, all));
  const policies = all.map(({ uid: _uid, spec: _spec, ...policy }) => policy);
  printAs(flags.output, { proxies, policies }, () => statusText(proxies, all, Date.now()));
}

/** Nothing is in a namespace that does not exist; rejects if so. */
async function existing(access: Access, namespace: string | undefined): Promise<void> {
  if (namespace === undefined || (await access.hasNamespace(namespace)) !== false) return;
  throw new Error(`there is no namespace ${namespace} in ${access.where}`);
}

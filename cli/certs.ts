import type { Command } from 'commander';
import { DEFAULT_CONTROL_PLANE_NAMESPACE } from '../api/names.ts';
import { keyOf } from './access/access.ts';
import { askAll } from './access/ask-all.ts';
import { type AccessFlags, allNamespacesOption, WHICH_MESH, withAccessFlags } from './access/flags.ts';
import { openAccess, selectionOf } from './access/open-access.ts';
import { type Format, formatOption } from './analysis/flags.ts';
import { printAs } from './analysis/print.ts';
import { certsText } from './certs/certs-text.ts';
import { certsView } from './certs/certs-view.ts';
import { readIdentity } from './certs/read-identity.ts';
import { readReport } from './certs/read-report.ts';

interface Flags extends AccessFlags {
  readonly output: Format;
  readonly controlPlaneNamespace: string;
}

const HELP = `
${WHICH_MESH}

Exit codes: 0 all is well, 1 the mesh cannot be read, 2 not asked rightly, 3 something has expired, expires soon
without having been renewed, does not trust the root that signs, or could not be asked.`;
const WORTH_A_LOOK = 3;

/** `weft certs`: the roots and how far their rotation is, and the certificate of each sidecar. */
export function addCerts(program: Command): void {
  const command = program
    .command('certs')
    .description('the roots, how far their rotation is, and the certificate that each sidecar holds')
    .addOption(allNamespacesOption())
    .addOption(formatOption())
    .option('--control-plane-namespace <name>', 'where Weft is installed', DEFAULT_CONTROL_PLANE_NAMESPACE)
    .addHelpText('after', HELP);
  withAccessFlags(command).action(certs);
}

async function certs(flags: Flags): Promise<void> {
  const access = await openAccess(flags);
  const sidecars = await access.proxies(selectionOf(access, flags));
  const report = readReport(await access.rotation(flags.controlPlaneNamespace));
  const { answered, unanswered } = await askAll(
    access,
    sidecars,
    () => ({ method: 'GET', path: '/config' }),
    readIdentity,
  );
  const asked = [
    ...answered.map(({ proxy, answer }) => ({ proxy: keyOf(proxy), answer })),
    ...unanswered.map(({ proxy, reason }) => ({
      proxy,
      answer: { problem: `could not be asked: ${reason}` },
    })),
  ].sort((a, b) => (a.proxy < b.proxy ? -1 : 1));
  const nowMs = Date.now();
  const view = certsView(report, asked, nowMs);
  printAs(flags.output, view, () => certsText(view, nowMs));
  if (view.problems.length > 0) process.exitCode = WORTH_A_LOOK;
}

import { type Command, Option } from 'commander';
import type { Severity } from '../api/analysis.ts';
import { allNamespacesOption } from './access/flags.ts';
import { ask } from './analysis/ask.ts';
import { readDocumentTexts } from './analysis/documents.ts';
import { findingsText, isAtLeast } from './analysis/findings-text.ts';
import {
  addMeshFlags,
  type Format,
  formatOption,
  type MeshFlags,
  meshSource,
  namespaceOf,
} from './analysis/flags.ts';
import { printAs } from './analysis/print.ts';
import { EXIT_SOMETHING } from './plan.ts';
import { UsageError } from './usage-error.ts';

interface Flags extends MeshFlags {
  readonly filename?: readonly string[];
  readonly auditDays?: string;
  readonly failOn: Severity | 'never';
  readonly output: Format;
}

const EXIT_CODES = `
Looks in all namespaces unless -n names one; with -f at these policies only, as they would be in the mesh.

Exit codes: 0 nothing as bad as --fail-on was found, 1 the mesh cannot be read, 2 not asked rightly, 3 it was.`;

/** `weft check`: the loopholes people fall into, each with where it is and what to do. */
export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .description('what is wrong, open or without effect in the mesh and its installation, with the fix')
    .option(
      '-f, --filename <file...>',
      'check these MeshPolicy documents: files, folders, or - for standard input',
    )
    .addOption(allNamespacesOption())
    .option('--audit-days <days>', 'after which a policy in Audit mode is mentioned', '14')
    .addOption(
      new Option('--fail-on <severity>', 'exit code 3 from this on')
        .choices(['error', 'warning', 'info', 'never'])
        .default('error'),
    )
    .addOption(formatOption())
    .addHelpText('after', EXIT_CODES);
  addMeshFlags(command).action(async (flags: Flags) => {
    process.exitCode = await checked(flags);
  });
}

async function checked(flags: Flags): Promise<number> {
  const { namespace, failOn } = flags;
  const { findings } = await ask('Findings', {
    mesh: meshSource(flags),
    ...namespaceOf(flags),
    documents: await readDocumentTexts(flags.filename ?? [], process.stdin),
    about: {
      ...{ type: 'Check', auditDays: daysOf(flags.auditDays ?? '14') },
      ...(namespace !== undefined && flags.filename === undefined && { onlyNamespace: namespace }),
    },
  });
  printAs(flags.output, findings, () => findingsText(findings));
  return failOn !== 'never' && findings.some((each) => isAtLeast(each, failOn)) ? EXIT_SOMETHING : 0;
}

function daysOf(text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text);
  throw new UsageError(`--audit-days ${text} is not valid`, 'give whole days');
}

import type { Command } from 'commander';
import { ask } from './analysis/ask.ts';
import { readDocumentTexts } from './analysis/documents.ts';
import {
  addMeshFlags,
  type Format,
  formatOption,
  type MeshFlags,
  meshSource,
  namespaceOf,
} from './analysis/flags.ts';
import { isEmptyPlan, planText } from './analysis/plan-text.ts';
import { printAs } from './analysis/print.ts';
import { UsageError } from './usage-error.ts';

interface Flags extends MeshFlags {
  readonly filename?: readonly string[];
  readonly delete?: readonly string[];
  readonly output: Format;
}

/** It was done, and the answer is one to look at: a plan that changes something, findings. */
export const EXIT_SOMETHING = 3;

const EXIT_CODES = `
Exit codes: 0 nothing would change, 1 the mesh cannot be read, 2 not asked rightly or a document is not valid,
3 something would change.`;

/** `weft plan`: what would be different if policies were applied or deleted. Writes nothing anywhere. */
export function addPlan(program: Command): void {
  const command = program
    .command('plan')
    .description('what policies would change, proxy by proxy and field by field, before they are applied')
    .option('-f, --filename <file...>', 'MeshPolicy documents: files, folders, or - for standard input')
    .option('--delete <policy...>', 'MeshPolicies to be deleted: strict, shop/strict')
    .addOption(formatOption())
    .addHelpText('after', EXIT_CODES);
  addMeshFlags(command).action(async (flags: Flags) => {
    process.exitCode = await planned(flags);
  });
}

async function planned(flags: Flags): Promise<number> {
  const { filename = [], delete: deletes = [] } = flags;
  if (filename.length + deletes.length === 0) {
    throw new UsageError('nothing to plan', 'give documents with -f FILE, or --delete POLICY');
  }
  const { plan } = await ask('Plan', {
    mesh: meshSource(flags),
    ...namespaceOf(flags),
    documents: await readDocumentTexts(filename, process.stdin),
    deletes,
    about: { type: 'Plan' },
  });
  printAs(flags.output, plan, () => planText(plan));
  if (plan.problems.some(({ foreign }) => !foreign)) return 2;
  return isEmptyPlan(plan) ? 0 : EXIT_SOMETHING;
}

import { type Command, Option } from 'commander';
import type { MeshSource, Plan } from '../api/analysis.ts';
import { openAccess } from './access/open-access.ts';
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
import { warnInvalid } from './analysis/warn-invalid.ts';
import { subjectOf } from './explain-policy.ts';
import { printProposal } from './propose/command.ts';
import { type Verdicts, verdictsOf } from './traffic/verdicts.ts';
import { notAskedText, verdictsText } from './traffic/verdicts-text.ts';
import { UsageError } from './usage-error.ts';

interface Flags extends MeshFlags {
  readonly filename?: readonly string[];
  readonly delete?: readonly string[];
  readonly minutes?: string;
  readonly traffic: boolean;
  readonly propose?: boolean;
  readonly service?: string;
  readonly selector?: string;
  readonly workload?: string;
  readonly withAddresses?: boolean;
  readonly output: Format;
}

/** It was done, and the answer is one to look at: a plan that changes something, findings. */
export const EXIT_SOMETHING = 3;

const MINUTES = 15;
const MINUTES_MAX = 7 * 24 * 60;

const HELP = `
  weft plan -f policy.yaml                       what it would change, and what it would have done to recorded requests
  weft plan --delete shop/strict                 the same of a policy that goes
  weft plan --propose --service payments -n shop a policy that allows exactly who called, ready for kubectl apply

Recorded are the last 2,048 requests of each sidecar, not what is not parsed (TLS of the app, TCP).

Exit codes: 0 nothing would change, 1 the mesh cannot be read, 2 not asked rightly or a document is not valid,
3 something would change. Recorded traffic, and whether it could be asked about, changes none of them.
With --propose: 0 a policy was proposed, 1 nothing is recorded that one could be made of, 2 not asked rightly.`;

/** `weft plan`: what would be different if policies were applied or deleted. Writes nothing anywhere. */
export function addPlan(program: Command): void {
  const proposing = ['filename', 'delete'];
  const command = program
    .command('plan')
    .description('what policies would change, in configuration and in verdicts on recorded traffic')
    .option('-f, --filename <file...>', 'MeshPolicy documents: files, folders, or - for standard input')
    .option('--delete <policy...>', 'MeshPolicies to be deleted: strict, shop/strict')
    .option(
      '--minutes <count>',
      `recorded requests not older than this (default: ${MINUTES}; to propose, all)`,
    )
    .option('--no-traffic', 'leave recorded requests out')
    .addOption(
      new Option('--propose', 'print the smallest policy that allows the recorded callers').conflicts(
        proposing,
      ),
    )
    .option('--service <name>', 'to propose: for this Service')
    .option('-l, --selector <labels>', 'to propose: for pods with these labels')
    .option('--workload <pod/name>', 'to propose: for pods like this one')
    .option('--with-addresses', 'to propose: allow callers without identity, by their address')
    .addOption(formatOption())
    .addHelpText('after', HELP);
  addMeshFlags(command).action(async (flags: Flags) => {
    process.exitCode = await (flags.propose ? proposed(flags) : planned(flags));
  });
}

function proposed(flags: Flags): Promise<number> {
  const { service, selector, workload } = flags;
  if (!flags.traffic)
    throw new UsageError('a policy is proposed from recorded traffic', 'leave out --no-traffic');
  if ((service ?? selector ?? workload) === undefined) {
    throw new UsageError(
      'for what is a policy to be proposed?',
      '--service NAME, -l LABELS or --workload pod/NAME',
    );
  }
  const subject = subjectOf({
    ...(service !== undefined && { service }),
    ...(selector !== undefined && { selector }),
    ...(workload !== undefined && { workload }),
  });
  const minutes = flags.minutes === undefined ? undefined : minutesOf(flags.minutes);
  return printProposal(subject, { ...flags, minutes });
}

async function planned(flags: Flags): Promise<number> {
  const { filename = [], delete: deletes = [], traffic: withTraffic } = flags;
  if (filename.length + deletes.length === 0) {
    throw new UsageError('nothing to plan', 'give documents with -f FILE, or --delete POLICY, or --propose');
  }
  const onlyProposing = [flags.service, flags.selector, flags.workload].some((each) => each !== undefined);
  if (onlyProposing || flags.withAddresses) {
    throw new UsageError(
      '--service, -l, --workload and --with-addresses go with --propose',
      'leave them out',
    );
  }
  const minutes = minutesOf(flags.minutes ?? String(MINUTES));
  const documents = await readDocumentTexts(filename, process.stdin);
  const mesh = await meshSource(flags);
  const { plan } = await ask('Plan', {
    ...{ mesh, documents, deletes, ...namespaceOf(flags) },
    about: { type: 'Plan', withConfigurations: withTraffic },
  });
  warnInvalid(mesh, plan.invalid);
  const { affected: _affected, affectedLeftOut: _leftOut, ...told } = plan;
  const traffic = withTraffic ? await trafficOf(mesh, flags, plan, minutes) : undefined;
  printAs(flags.output, { ...told, ...(traffic && { traffic }) }, () => [
    ...planText(plan),
    ...(traffic === undefined ? [] : textOf(traffic)),
  ]);
  if (plan.problems.some(({ foreign }) => !foreign)) return 2;
  return isEmptyPlan(plan) ? 0 : EXIT_SOMETHING;
}

/** Why recorded requests could not be asked about is part of the answer: the plan is one without them. */
interface NotAsked {
  readonly notAsked: string;
}

async function trafficOf(
  mesh: MeshSource,
  flags: Flags,
  { affected = [], affectedLeftOut = 0 }: Plan,
  minutes: number,
): Promise<Verdicts | NotAsked | undefined> {
  if (affected.length === 0) return undefined;
  try {
    const access = await openAccess(mesh.type === 'Folder' ? { ...flags, folder: mesh.folder } : flags);
    return await verdictsOf(access, affected, { minutes, leftOut: affectedLeftOut });
  } catch (error) {
    // Further lines are hints, or quote a document.
    const [why = ''] = (error as Error).message.split('\n', 1);
    return { notAsked: why };
  }
}

function textOf(traffic: Verdicts | NotAsked): string[] {
  return 'notAsked' in traffic ? notAskedText(traffic.notAsked) : verdictsText(traffic);
}

function minutesOf(text: string): number {
  const minutes = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (minutes >= 1 && minutes <= MINUTES_MAX) return minutes;
  throw new UsageError(`--minutes ${text} is not valid`, `give whole minutes, at most ${MINUTES_MAX}`);
}

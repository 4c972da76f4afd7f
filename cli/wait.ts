import { type Command, Option } from 'commander';
import { durationMs } from '../api/duration.ts';
import { type AccessFlags, WHICH_MESH, withAccessFlags } from './access/flags.ts';
import { openAccess } from './access/open-access.ts';
import { printable } from './analysis/printable.ts';
import { standing } from './status/standing.ts';
import { tooLateText } from './status/too-late.ts';
import { UsageError } from './usage-error.ts';

interface Flags extends AccessFlags {
  readonly timeout: string;
  readonly for: string;
}

const EVERY_MS = 500;
const TIMEOUT_MAX_MS = 24 * 3_600_000;

const HELP = `
In a cluster \`kubectl wait --for=condition=InForce meshpolicy/NAME\` works too; this also knows the newest generation,
says how far it is, and ends at once when the policy is not accepted.

${WHICH_MESH}

Exit codes: 0 in force, 1 not in force in time, not accepted, not there, or the mesh cannot be read; 2 not asked
rightly.`;

/** `weft wait policy NAME`: until its newest generation is in force on every proxy it is about. */
export function addWait(program: Command): void {
  const command = program
    .command('wait')
    .description('wait until a policy is in force')
    .command('policy')
    .description('wait until the newest generation of a MeshPolicy is in force')
    .argument('<name>', 'of the MeshPolicy: payments, shop/payments')
    .option('--timeout <duration>', 'at most so long', '60s')
    .addOption(
      new Option('--for <condition>', 'what to wait for')
        .choices(['condition=InForce', 'condition=Accepted'])
        .default('condition=InForce'),
    )
    .addHelpText('after', HELP);
  withAccessFlags(command).action(async (name: string, flags: Flags) => {
    process.exitCode = await waitForPolicy(name, flags);
  });
}

async function waitForPolicy(given: string, flags: Flags): Promise<number> {
  const timeoutMs = timeoutOf(flags.timeout);
  const access = await openAccess(flags);
  const slash = given.indexOf('/');
  const namespace = slash === -1 ? (flags.namespace ?? access.namespace) : given.slice(0, slash);
  const name = given.slice(slash + 1);
  const condition = flags.for.slice('condition='.length);
  const deadlineMs = performance.now() + timeoutMs;
  let said = '';
  for (;;) {
    const policy = await access.policy(namespace, name);
    if (policy === undefined)
      throw new Error(`there is no MeshPolicy ${namespace}/${name} in ${access.where}`);
    const { state, text } = standing(policy, condition);
    if (state === 'yes') {
      console.log(printable(text));
      return 0;
    }
    if (state === 'never') {
      console.error(printable(`weft: ${text}`));
      return 1;
    }
    if (text !== said) console.error(printable(text));
    said = text;
    if (performance.now() + EVERY_MS > deadlineMs) {
      const late = { condition, timeout: flags.timeout, folder: access.folder };
      for (const line of tooLateText(policy, late)) console.error(printable(line));
      return 1;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function timeoutOf(text: string): number {
  const ms = durationMs(text);
  if (ms > 0 && ms <= TIMEOUT_MAX_MS) return ms;
  throw new UsageError(`--timeout ${text} is not valid`, 'write 90s, 2m or 1h, at most 24h');
}

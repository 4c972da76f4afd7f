import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { type AdminFlags, admin } from './admin.ts';
import { printableLines } from './analysis/printable.ts';
import { addCerts } from './certs.ts';
import { addCheck } from './check.ts';
import { addDebugProxy } from './debug-proxy.ts';
import { drain, drainOptions } from './drain.ts';
import { addExplainPolicy } from './explain-policy.ts';
import { addExplainRequest } from './explain-request.ts';
import { addInject } from './inject.ts';
import { addPlan } from './plan.ts';
import { keep } from './run/keeper.ts';
import { run } from './run/run.ts';
import { addStatus } from './status.ts';
import { addUpgrade } from './upgrade.ts';
import { UsageError } from './usage-error.ts';
import { addWait } from './wait.ts';

/** The commands for people. Exit codes: 0 done, 1 failed, 2 not asked rightly, 3 done and worth a look. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await commandLine().parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Every command with its flags; docs/reference/cli.md is held to it. */
export function commandLine(): Command {
  const program = new Command('weft')
    .description('A service mesh: mutual TLS, authorization and traffic control by policy alone.')
    .version(packageJson.version)
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .addHelpText('after', '\nParts of the mesh, each with --help: weft operator | injector | sidecar | init');
  program
    .command('run')
    .description(
      'run a mesh without Kubernetes: every Workload of a folder behind a sidecar, as processes here',
    )
    .argument('<folder>', 'MeshPolicy and Workload documents (YAML)')
    .option(
      '--once',
      "prove what the folder's expectations.json expects, then end; exit code 0 only if all held",
    )
    .option('--state <folder>', 'keep certificates, snapshots and logs there (default: a temporary folder)')
    .action(async (folder: string, flags: { once?: boolean; state?: string }) => {
      process.exitCode = await run(folder, flags);
    });
  program
    .command('drain')
    .description('tell the sidecar of this pod that the pod is terminating (its preStop hook)')
    .option('--state-dir <folder>', 'where the sidecar keeps its admin socket')
    .option('--wait <seconds>', 'stay this long afterwards', '0')
    .action((flags: { stateDir?: string; wait?: string }) => drain(drainOptions(flags)));
  const explain = program
    .command('explain')
    .description('why a request got its answer; what is in force, and who says so');
  addExplainPolicy(explain);
  addExplainRequest(explain);
  addPlan(program);
  addCheck(program);
  addStatus(program);
  addCerts(program);
  addDebugProxy(program);
  addWait(program);
  addUpgrade(program);
  addInject(program);
  // what commands above run inside a sidecar's container
  program
    .command('admin', { hidden: true })
    .argument('<method>')
    .argument('<path>')
    .option('--bytes <count>')
    .option('--state-dir <folder>')
    .action((method: string, path: string, flags: AdminFlags) => admin(method, path, flags));
  program.command('keep', { hidden: true }).action(() => keep(process.stdin));
  return program;
}

function report(error: unknown): number {
  // Commander has printed it; its own code for every mistake is 1, ours for being asked wrongly is 2.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof UsageError)) {
    console.error(printableLines(`weft: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  }
  console.error(printableLines(`weft: ${error.message}`));
  if (error.hint !== undefined) console.error(printableLines(error.hint));
  return 2;
}

// npm run cluster: a cluster that stays up between test runs.
import { spawn } from 'node:child_process';
import { Command } from 'commander';
import { cacheDirectory } from './cache.ts';
import { Cluster, standingDirectory } from './cluster.ts';
import { testAppImage } from './images.ts';
import { withLock } from './lock.ts';
import { showProgress } from './progress.ts';
import { RunningCluster } from './runningcluster.ts';
import { installWeft } from './scenario.ts';
import { toolsEnvironment } from './tools-environment.ts';

async function up(): Promise<void> {
  await withLock(cacheDirectory('cluster.lock'), async () => {
    const running = RunningCluster.find(standingDirectory());
    if (await running?.isReady()) return;
    await running?.end();
    await RunningCluster.removeRemains(standingDirectory());
    await RunningCluster.start(standingDirectory(), true, showProgress);
  });
  await status();
}

async function down(): Promise<void> {
  const running = RunningCluster.find(standingDirectory());
  await running?.end();
  await RunningCluster.removeRemains(standingDirectory());
  console.log(running ? 'The cluster is down.' : 'No cluster was up.');
}

async function status(): Promise<void> {
  const running = RunningCluster.find(standingDirectory());
  if (!running) {
    console.log('No cluster is up.');
    process.exitCode = 1;
    return;
  }
  const gone = { phase: 'failed' as const, detail: 'its node has ended; bring it up again' };
  const { phase, detail } = await running.status().catch(() => gone);
  console.log(`The cluster is ${phase}${detail ? `: ${detail}` : ''}.`);
  console.log(`export KUBECONFIG=${running.kubeconfigPath}`);
  if (phase !== 'ready') process.exitCode = 1;
}

/** Weft as it is in this tree; again, it is upgraded. */
async function weft(): Promise<void> {
  const running = RunningCluster.find(standingDirectory());
  if (!running) throw new Error('No cluster is up: npm run cluster -- up');
  await installWeft(await Cluster.of(running));
  console.log(
    `Weft is installed in weft-system. Apps may run in ${testAppImage}: the node cannot pull others.`,
  );
}

/** A shell, or one command, with KUBECONFIG set and kubectl and helm on PATH; inside the node where asked. */
async function shell(command: string[], options: { node?: boolean }): Promise<void> {
  const running = RunningCluster.find(standingDirectory());
  if (!running) throw new Error('No cluster is up.');
  const env = await toolsEnvironment(running.kubeconfigPath);
  const line = command.length > 0 ? command : [process.env.SHELL ?? 'sh'];
  const [program = 'sh', ...args] = options.node ? ['nsenter', ...running.nsenter, ...line] : line;
  const child = spawn(program, args, { stdio: 'inherit', env });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

const program = new Command('cluster')
  .description('A Kubernetes cluster of one node on this machine, for tests')
  .enablePositionalOptions();
program.command('up').description('start it, unless it is up; prints its kubeconfig').action(up);
program.command('down').description('end it and remove what it left').action(down);
program.command('status').description('tell whether it is up').action(status);
program
  .command('weft')
  .description('build the image of this tree, load it into the node, and install Weft from it')
  .action(weft);
program
  .command('shell')
  .description('run a shell, or the given command, with kubectl and helm set up for it')
  .option('--node', 'run it inside the node: its network, processes and mounts')
  .argument('[command...]')
  .passThroughOptions()
  .action(shell);

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

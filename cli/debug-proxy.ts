import { type Command, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { type Access, keyOf, type Sidecar } from './access/access.ts';
import { type AccessFlags, WHICH_MESH, withAccessFlags } from './access/flags.ts';
import { openAccess, selectionOf } from './access/open-access.ts';
import { printAs } from './analysis/print.ts';
import { withoutSecrets } from './debug/without-secrets.ts';

interface Flags extends AccessFlags {
  readonly output: 'json' | 'yaml';
}

/** What its admin socket answers, but for requests: paths and callers of those are nobody else's business. */
const PARTS = ['config', 'edges', 'connections'] as const;

const HELP = `
Values of headers, query parameters and claims, and the numbers of keys are left out; a private key never leaves its
sidecar. Names, addresses and paths of the mesh are in it.

${WHICH_MESH}

Exit codes: 0 printed, 1 it could not be asked, 2 not asked rightly.`;

/** `weft debug proxy POD`: all that a sidecar holds, to go with a report of a defect. */
export function addDebugProxy(program: Command): void {
  const command = program
    .command('debug')
    .description('what to send with a report of a defect')
    .command('proxy')
    .description(
      'all that a sidecar holds: configuration, destinations with endpoints, connections; no secrets',
    )
    .argument('<pod>', 'web-7d9f, shop/web-7d9f; a Workload of weft run')
    .addOption(
      new Option('-o, --output <format>', 'how it is printed').choices(['yaml', 'json']).default('yaml'),
    )
    .addHelpText('after', HELP);
  withAccessFlags(command).action(debugProxy);
}

async function debugProxy(given: string, flags: Flags): Promise<void> {
  const access = await openAccess(flags);
  const proxy = await proxyOf(access, given, flags);
  const parts = await Promise.all(
    PARTS.map(async (part) => [part, await access.ask(proxy, { method: 'GET', path: `/${part}` })] as const),
  );
  const dump = {
    ...{ proxy: keyOf(proxy), time: new Date().toISOString(), commandLine: packageJson.version },
    ...Object.fromEntries(parts),
  };
  printAs(flags.output, withoutSecrets(dump), () => []);
}

async function proxyOf(access: Access, given: string, flags: Flags): Promise<Sidecar> {
  const slash = given.indexOf('/');
  const named = slash < 0 ? flags : { ...flags, namespace: given.slice(0, slash) };
  const [proxy] = await access.proxies(selectionOf(access, named, [given.slice(slash + 1)]));
  return proxy!;
}

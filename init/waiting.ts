import type { Family } from './address.ts';
import { program } from './backend.ts';
import type { Log } from './log.ts';
import type { BackendName } from './options.ts';
import { CHAIN_PREFIX } from './rules.ts';
import type { Run } from './run.ts';

const CHAIN = `${CHAIN_PREFIX}WAITING`;

/** Of the filter table, in the spelling of iptables-save. */
export function waitingRules(outboundPort: number): string[] {
  return [
    `-A OUTPUT -o lo -p tcp -m tcp --sport ${outboundPort} --tcp-flags RST RST -j ${CHAIN}`,
    // ASSURED: both sides have spoken. A connection that was accepted may be cut; one that was not waits.
    `-A ${CHAIN} -m conntrack ! --ctstatus ASSURED -j DROP`,
  ];
}

/**
 * While no sidecar listens (it is being replaced, or was killed), the kernel refuses what the app connects to; without
 * that refusal the app's kernel asks again every second, and the connection is made when the next sidecar listens.
 * Only the app's own connections wait: callers from elsewhere are refused at once, and go to other endpoints.
 * A kernel that cannot do this goes without.
 */
export async function letConnectionsWait(
  { family, backend }: { readonly family: Family; readonly backend: BackendName },
  outboundPort: number,
  run: Run,
  log: Log,
): Promise<void> {
  const [jump = '', drop = ''] = waitingRules(outboundPort);
  const isThere = await hasChain(family, backend, run);
  const input = transaction([`:${CHAIN} - [0:0]`, `-F ${CHAIN}`, drop, ...(isThere ? [] : [jump])]);
  const { ok, complaint } = await run(program(family, backend, 'restore'), ['--noflush'], input);
  if (!ok)
    log.warn('connections of the app are refused while no sidecar runs', { family, reason: complaint });
}

/** Takes away what an earlier start has written with this backend; what went wrong, if anything did. */
export async function letNothingWait(
  family: Family,
  backend: BackendName,
  outboundPort: number,
  run: Run,
): Promise<string | undefined> {
  if (!(await hasChain(family, backend, run))) return undefined;
  const [jump = ''] = waitingRules(outboundPort);
  const input = transaction([jump.replace(/^-A/, '-D'), `-F ${CHAIN}`, `-X ${CHAIN}`]);
  const { ok, complaint } = await run(program(family, backend, 'restore'), ['--noflush'], input);
  return ok ? undefined : complaint;
}

async function hasChain(family: Family, backend: BackendName, run: Run): Promise<boolean> {
  const { ok, stdout } = await run(program(family, backend, 'save'), ['-t', 'filter']);
  return ok && stdout.includes(`-j ${CHAIN}`);
}

function transaction(lines: readonly string[]): string {
  return ['*filter', ...lines, 'COMMIT', ''].join('\n');
}

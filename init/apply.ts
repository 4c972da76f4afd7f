import { INBOUND_SOURCE_IPV6 } from '../api/names.ts';
import type { Family } from './address.ts';
import { type Backend, findBackends, program, readTable } from './backend.ts';
import type { Ipv6State } from './ipv6.ts';
import type { Log } from './log.ts';
import type { BackendName, InitOptions } from './options.ts';
import { natRules } from './rules.ts';
import type { Run } from './run.ts';
import { difference, hasOwnChains, removal, replacement } from './table.ts';
import { letConnectionsWait, letNothingWait } from './waiting.ts';

export class ApplyError extends Error {
  override readonly name = 'ApplyError';
}

/**
 * Writes the rules of both families and reads them back. Throws when IPv4 traffic, or IPv6 traffic that others
 * can route to the pod, would go around the proxy.
 */
export async function applyRules(options: InitOptions, ipv6: Ipv6State, run: Run, log: Log): Promise<void> {
  const backend = await applyFamily(options, 'IPv4', options.backend, run, log);
  if (ipv6 === 'Off') {
    log.info('IPv6 is off in this pod; nothing to redirect');
    return;
  }
  try {
    // Both families in one backend, unless that one has no IPv6 here.
    await applyFamily(options, 'IPv6', options.backend ?? (await preferred(run, backend)), run, log);
    if (ipv6 === 'Global') await addInboundSource(run, log);
  } catch (error) {
    if (ipv6 === 'Global') throw error;
    log.warn('IPv6 traffic of the local link is not redirected', { reason: message(error) });
  }
}

async function preferred(run: Run, backend: BackendName): Promise<BackendName | undefined> {
  return 'saved' in (await readTable(run, 'IPv6', backend)) ? backend : undefined;
}

async function applyFamily(
  options: InitOptions,
  family: Family,
  wanted: BackendName | undefined,
  run: Run,
  log: Log,
): Promise<BackendName> {
  const rules = natRules(options.rules, family);
  const failures: string[] = [];
  for (const backend of await findBackends(run, family, wanted)) {
    const failure = await replaceAndVerify(run, family, backend, rules);
    if (failure === undefined) {
      await cleanOther(run, family, backend.name, options.rules.outboundPort, log);
      log.info('rules written and read back', { family, backend: backend.name, rules });
      await letConnectionsWait({ family, backend: backend.name }, options.rules.outboundPort, run, log);
      return backend.name;
    }
    failures.push(failure);
    log.warn('this backend does not work here', { family, backend: backend.name, reason: failure });
  }
  throw new ApplyError(`the rules could not be written: ${failures.join('; ')}`);
}

/** Returns what went wrong; undefined: the rules are in force. */
async function replaceAndVerify(
  run: Run,
  family: Family,
  backend: Backend,
  rules: readonly string[],
): Promise<string | undefined> {
  const name = program(family, backend.name, 'restore');
  const restored = await run(name, ['--noflush'], replacement(backend.saved, rules));
  if (!restored.ok) return `${name}: ${restored.missing ? 'not installed' : restored.complaint}`;
  const answer = await readTable(run, family, backend.name);
  if (!('saved' in answer)) return answer.reason;
  const { missing, unexpected } = difference(answer.saved, rules);
  if (missing.length === 0 && unexpected.length === 0) return undefined;
  return `${name} reported success, but reading back: missing ${JSON.stringify(missing)}, unexpected ${JSON.stringify(unexpected)}`;
}

/** Rules of an earlier start in the other backend would redirect too. */
async function cleanOther(
  run: Run,
  family: Family,
  used: BackendName,
  outboundPort: number,
  log: Log,
): Promise<void> {
  const other: BackendName = used === 'nft' ? 'legacy' : 'nft';
  const answer = await readTable(run, family, other);
  if (!('saved' in answer) || !hasOwnChains(answer.saved)) return;
  const name = program(family, other, 'restore');
  const removed = await run(name, ['--noflush'], removal(answer.saved));
  const complaint = removed.complaint || (await letNothingWait(family, other, outboundPort, run));
  if (complaint) throw new ApplyError(`old rules cannot be removed: ${name}: ${complaint}`);
  log.info('removed rules of an earlier start', { family, backend: other });
}

/** 127.0.0.6 is local as all of 127.0.0.0/8 is; its IPv6 counterpart has to exist. */
async function addInboundSource(run: Run, log: Log): Promise<void> {
  const args = ['-6', 'addr', 'replace', `${INBOUND_SOURCE_IPV6}/128`, 'dev', 'lo'];
  const added = await run('ip', args);
  if (!added.ok) {
    throw new ApplyError(`ip ${args.join(' ')}: ${added.missing ? 'not installed' : added.complaint}`);
  }
  log.info('address added to lo', { address: INBOUND_SOURCE_IPV6 });
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

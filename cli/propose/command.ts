import { isDeepStrictEqual } from 'node:util';
import type { Subject } from '../../api/analysis.ts';
import { type MeshPolicy, targetKind } from '../../api/mesh-policy.ts';
import { validateMeshPolicy } from '../../api/validate.ts';
import { keyOf, type PolicyView } from '../access/access.ts';
import { openAccess } from '../access/open-access.ts';
import type { Format, MeshFlags } from '../analysis/flags.ts';
import { printAs } from '../analysis/print.ts';
import { proposalView } from './proposal-view.ts';
import { proposalYaml } from './proposal-yaml.ts';
import { type Proposal, propose } from './propose.ts';
import { proposedPolicy } from './proposed-policy.ts';
import { isConditional, type RecordedTraffic, recordedTraffic } from './recorded-traffic.ts';
import { remarksOn } from './remarks.ts';
import { type ProposalSubject, proposalSubject } from './subject.ts';

export interface ProposeFlags extends MeshFlags {
  /** undefined: all that is kept */
  readonly minutes: number | undefined;
  readonly withAddresses?: boolean;
  readonly output: Format;
}

/** Prints the smallest policy that allows the recorded callers. Exit code 0: it did, 1: there is nothing to propose. */
export async function printProposal(asked: Subject, flags: ProposeFlags): Promise<number> {
  const access = await openAccess(flags);
  const subject = await proposalSubject(access, asked, flags.namespace ?? access.namespace);
  const sinceMs = flags.minutes === undefined ? 0 : Date.now() - flags.minutes * 60_000;
  const traffic = await recordedTraffic(access, subject.view, sinceMs);
  const conditional = new Set(
    traffic.rules.filter(isConditional).map(({ policy, name }) => `${policy} ${name}`),
  );
  const proposal = propose(traffic.records, {
    namespace: subject.namespace,
    controlPlaneNamespace: flags.controlPlaneNamespace,
    trustDomain: flags.trustDomain,
    withAddresses: flags.withAddresses ?? false,
    isConditional: (rule) => conditional.has(rule),
  });
  if (proposal.rules.length === 0) return nothing(subject, traffic, proposal);
  const policy = proposedPolicy(subject, proposal.rules);
  const [problem] = validateMeshPolicy(policy);
  if (problem !== undefined)
    throw new Error(`no valid policy came of it: ${problem.path} ${problem.message}`);
  const known = await access.policies(subject.namespace).catch(() => []);
  const remarks = remarksOn({
    ...{ what: subject.what, traffic, proposal, rivals: rivalsOf(policy, known) },
    replaces: known.map(keyOf).find((key) => key === `${subject.namespace}/${subject.name}`),
  });
  if (flags.output !== 'json') process.stdout.write(proposalYaml(policy, proposal.rules, remarks));
  else printAs('json', proposalView(policy, proposal, remarks), () => []);
  return 0;
}

/** Those that say who may call the same target, and would win, being older. */
function rivalsOf({ metadata, spec }: MeshPolicy, known: readonly PolicyView[]): string[] {
  return known
    .filter(({ name }) => name !== metadata.name)
    .filter(({ spec: theirs }) => {
      const targets = theirs.targetRefs ?? [theirs.target];
      const isSame = targets.some((target) => isDeepStrictEqual(withoutPorts(target), spec.target));
      const allows = theirs.inbound?.authorization?.rules?.some(({ action }) => action === 'Allow') ?? false;
      return targetKind(theirs) === spec.target?.kind && isSame && allows;
    })
    .map(keyOf);
}

function withoutPorts(target: MeshPolicy['spec']['target']): unknown {
  const { ports: _, ...rest } = target ?? {};
  return rest;
}

function nothing({ what }: ProposalSubject, traffic: RecordedTraffic, proposal: Proposal): number {
  console.error(`weft: nothing can be proposed for ${what}: ${whyNothing(traffic, proposal)}`);
  for (const { proxy, reason } of traffic.unanswered) {
    console.error(`weft: ${proxy} could not be asked: ${reason}`);
  }
  return 1;
}

function whyNothing({ sidecars, records }: RecordedTraffic, { allowed, uncovered }: Proposal): string {
  if (sidecars.length === 0) return 'no sidecar of it could be asked';
  if (records.length === 0) return 'no request to it is recorded (what is not parsed as HTTP never is)';
  if (allowed === 0) return `all ${records.length} recorded requests were denied`;
  if (uncovered.every(({ reason }) => reason === 'anonymous')) {
    return `none of ${allowed} requests came with an identity; --with-addresses allows their addresses`;
  }
  return `no rule can be written for any of the ${allowed} requests that were allowed`;
}

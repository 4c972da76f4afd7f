import type { Command } from 'commander';
import type { Subject } from '../api/analysis.ts';
import { ask } from './analysis/ask.ts';
import { explanationText } from './analysis/explanation-text.ts';
import {
  addMeshFlags,
  type Format,
  formatOption,
  type MeshFlags,
  meshSource,
  namespaceOf,
} from './analysis/flags.ts';
import { printAs } from './analysis/print.ts';
import { warnInvalid } from './analysis/warn-invalid.ts';
import { UsageError } from './usage-error.ts';

interface SubjectFlags {
  readonly workload?: string;
  readonly selector?: string;
  readonly service?: string;
  readonly from?: string;
  readonly to?: string;
}
type Flags = SubjectFlags & MeshFlags & { readonly output: Format };

const EXAMPLES = `
One of:
  weft explain policy --workload pod/payments-7d9f-x2v   what its own sidecar does, and who says so
  weft explain policy -l app=payments -n shop            the same of all pods with these labels
  weft explain policy --service payments -n shop         its pods, and how callers reach it
  weft explain policy --from shop/web --to payments:80   how one caller reaches it, and what it meets there

Exit codes: 0 explained, 1 the mesh cannot be read, 2 not asked rightly.`;

/** `weft explain policy`: what is in force on something, which policy said each value, and what lost against it. */
export function addExplainPolicy(explain: Command): void {
  const command = explain
    .command('policy')
    .description(
      'the effective configuration of a workload, a Service or a call, with the origin of each value',
    )
    .option('--workload <pod/name>', 'a pod, a Workload, or all pods of an app')
    .option('-l, --selector <labels>', 'pods with these labels: app=payments,version=v2')
    .option('--service <name>', 'a Service')
    .option('--from <pod>', 'the caller: a pod or an app, shop/web')
    .option('--to <service[:port]>', 'what it calls: payments, shop/payments:80')
    .addOption(formatOption())
    .addHelpText('after', EXAMPLES);
  addMeshFlags(command).action(async (flags: Flags) => {
    const subject = subjectOf(flags);
    const mesh = await meshSource(flags);
    const { explanation } = await ask('Explanation', {
      mesh,
      ...namespaceOf(flags),
      about: { type: 'Explain', subject },
    });
    warnInvalid(mesh, explanation.invalid);
    printAs(flags.output, explanation, () => explanationText(explanation));
  });
}

/** Throws UsageError unless exactly one thing is asked about. */
export function subjectOf({ workload, selector, service, from, to }: SubjectFlags): Subject {
  const asked = [workload, selector, service, from ?? to].filter((each) => each !== undefined);
  if (asked.length !== 1 || (from === undefined) !== (to === undefined)) {
    const hint = '--workload pod/NAME, -l LABELS, --service NAME, or --from POD with --to SERVICE[:PORT]';
    throw new UsageError(
      asked.length > 1 ? 'more than one thing is asked about' : 'what is to be explained?',
      hint,
    );
  }
  if (workload !== undefined) return { type: 'Workload', name: withoutKind(workload) };
  if (selector !== undefined) return { type: 'Selector', labels: labelsOf(selector) };
  if (service !== undefined) return { type: 'Service', name: withoutKind(service) };
  return { type: 'Pair', from: withoutKind(from!), ...calledOf(to!) };
}

/** `pod/web-1`, as kubectl prints it; what stands before another slash is the namespace. */
function withoutKind(name: string): string {
  const bare = name.replace(/^(pods?|po|workloads?|services?|svc)\//, '');
  if (
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\/[a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$|^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(
      bare,
    )
  ) {
    return bare;
  }
  throw new UsageError(`${name} is not a name`, 'write web-1, pod/web-1 or shop/web-1');
}

function calledOf(to: string): { readonly to: string; readonly port?: number } {
  const [, name = '', digits] = /^(.*?)(?::([0-9]{1,5}))?$/.exec(to) ?? [];
  const port = Number(digits);
  if (digits === undefined) return { to: withoutKind(name) };
  if (port >= 1 && port <= 65535) return { to: withoutKind(name), port };
  throw new UsageError(`${digits} is not a port`, 'write a number from 1 to 65535');
}

function labelsOf(selector: string): Record<string, string> {
  const pairs = selector.split(',').map((pair) => /^([^=!\s()]+)={1,2}([^=!\s()]*)$/.exec(pair.trim()));
  if (pairs.some((pair) => pair === null)) {
    throw new UsageError(`${selector} is not a selector of labels`, 'write app=payments,version=v2');
  }
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!]));
}

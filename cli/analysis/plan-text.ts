import type { FieldChange, Plan, PlannedConflict, PlannedPolicy } from '../../api/analysis.ts';
import { columns, counted, some } from './columns.ts';
import { describeValue } from './describe-value.ts';

/** Pure: a plan for people. */
export function planText(plan: Plan): string[] {
  const { problems, policies, proxies, withheld = [], destinations, conflicts } = plan;
  return [
    ...problems.map(({ file, line, message }) => `${file}:${line}: ${message}`),
    ...policies.flatMap(policyText),
    ...proxies.flatMap(({ workloads, changes }) => [
      '',
      `${counted(workloads.length, 'proxy', 'proxies')}: ${some(workloads)}`,
      ...changesText(changes),
    ]),
    ...withheld.flatMap(({ workloads, reason }) => [
      '',
      `${counted(workloads.length, 'proxy', 'proxies')} would not be told all of it: ${some(workloads)}`,
      `  ${reason}`,
    ]),
    ...destinations.flatMap((each) => [
      '',
      `${some(each.destinations)}, as ${callersText(each)}`,
      ...changesText(each.changes),
    ]),
    ...conflictsText(conflicts),
    '',
    summaryOf(plan),
  ];
}

/** Whether anything would be different. */
export function isEmptyPlan({ proxies, withheld, destinations, conflicts, policies }: Plan): boolean {
  const refused = policies.some(({ action, refusal }) => action !== 'Nothing' && refusal !== undefined);
  const changes = proxies.length + destinations.length + conflicts.appear.length + conflicts.end.length;
  return changes === 0 && withheld === undefined && !refused;
}

const ACTIONS: Readonly<Record<PlannedPolicy['action'], string>> = {
  Create: 'would be created',
  Change: 'would be changed',
  Delete: 'would be deleted',
  Nothing: 'is there as it is',
};

function policyText({ policy, action, file, line, refusal, unresolved }: PlannedPolicy): string[] {
  const where = file === undefined ? '' : `   ${file}:${line}`;
  const first = `MeshPolicy ${policy} ${ACTIONS[action]}${where}`;
  if (refusal !== undefined) {
    const { reason, message, inForce } = refusal;
    const stays =
      inForce === undefined ? 'nothing of it would be in force' : `generation ${inForce} would stay in force`;
    return [first, `  would not be accepted (${reason}), ${stays}: ${message}`];
  }
  return unresolved === undefined ? [first] : [first, `  ${unresolved.reason}: ${unresolved.message}`];
}

function callersText({ callers, allCallers }: Plan['destinations'][number]): string {
  if (callers.length === 1) return `${callers[0]} sees it`;
  return allCallers ? `all ${callers.length} callers see it` : `${some(callers)} see it`;
}

function changesText(changes: readonly FieldChange[]): string[] {
  return columns(
    changes.map(({ path, port, before, after, originBefore, originAfter }) => {
      const policy = originAfter?.policy ?? originBefore?.policy;
      const isGone = originAfter === undefined;
      return {
        name: port === undefined ? path : `${path} (port ${port})`,
        value: changeText(path, before, after),
        remark: policy === undefined ? '' : isGone ? `no longer from ${policy}` : `from ${policy}`,
      };
    }),
    '  ',
  );
}

function changeText(path: string, before: unknown, after: unknown): string {
  if (before === undefined) return `+ ${describeValue(path, after)}`;
  if (after === undefined) return `- ${describeValue(path, before)}`;
  return `${describeValue(path, before)} → ${describeValue(path, after)}`;
}

function conflictsText({ appear, end }: Plan['conflicts']): string[] {
  if (appear.length + end.length === 0) return [];
  const text = ({ loser, winner, field, mandatory }: PlannedConflict) =>
    `${loser} ${field}, overruled by ${winner}${mandatory ? ', which is mandatory' : ''}`;
  return [
    '',
    'conflicts',
    ...appear.map((each) => `  + ${text(each)}`),
    ...end.map((each) => `  - ${text(each)}`),
  ];
}

function summaryOf(plan: Plan): string {
  const { proxies, destinations, problems } = plan;
  const left = problems.filter(({ foreign }) => !foreign).length;
  const wrong = left === 0 ? '' : `; ${counted(left, 'problem')} in the documents, which are left out`;
  if (isEmptyPlan(plan)) return `nothing changes: every proxy and every destination stays as it is${wrong}`;
  const proxyCount = proxies.reduce((sum, { workloads }) => sum + workloads.length, 0);
  const names = new Set(destinations.flatMap((each) => each.destinations));
  const changed = [
    ...(proxyCount > 0 ? [counted(proxyCount, 'proxy', 'proxies')] : []),
    ...(names.size > 0 ? [counted(names.size, 'destination')] : []),
  ];
  if (changed.length === 0) return `no proxy and no destination would change${wrong}`;
  return `${changed.join(' and ')} would change${wrong}`;
}

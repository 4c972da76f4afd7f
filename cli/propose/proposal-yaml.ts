import { Document, isMap, isSeq, type Node } from 'yaml';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { counted } from '../analysis/columns.ts';
import { printable } from '../analysis/printable.ts';
import { timeOf } from '../traffic/times.ts';
import { isWide } from './path-pattern.ts';
import type { ProposedOperation, ProposedRule } from './propose.ts';

const COMMENT_MAX_CHARS = 400;
/** A list is written in one line up to here. */
const LINE_MAX_CHARS = 80;

/**
 * Pure: the policy as YAML that kubectl applies, with what each rule is from as comments. Texts that a peer chose are
 * written by the YAML library, quoted where YAML 1.1 takes them for something else than text; comments are one
 * line each, whatever is in them.
 */
export function proposalYaml(
  policy: MeshPolicy,
  rules: readonly ProposedRule[],
  remarks: readonly string[],
): string {
  const document = new Document(policy, { version: '1.1', aliasDuplicateObjects: false });
  document.commentBefore = commentOf(remarks);
  const list = document.getIn(['spec', 'inbound', 'authorization', 'rules']);
  if (!isSeq<Node>(list)) throw new Error('a proposal without rules');
  for (const [place, node] of list.items.entries()) {
    const rule = rules[place]!;
    node.commentBefore = commentOf(ruleRemarks(rule));
    if (place > 0) node.spaceBefore = true;
    if (!isMap(node)) continue;
    inLines(node.get('from', true));
    const to = node.get('to', true);
    if (isSeq<Node>(to))
      for (const [at, operation] of to.items.entries()) layOut(operation, rule.to[at]!, rule.to.length === 1);
  }
  for (const path of [['metadata'], ['spec', 'target']]) onOneLine(document.getIn(path, true));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function ruleRemarks({ requests, firstMs, lastMs, conditional }: ProposedRule): string[] {
  const when = firstMs === lastMs ? `at ${timeOf(firstMs)}` : `from ${timeOf(firstMs)} to ${timeOf(lastMs)}`;
  return [
    `${counted(requests, 'request')} ${when}`,
    ...conditional
      .slice(0, 5)
      .map(
        (rule) => `REVIEW: ${nameOf(rule)} allows some of them today, and asks for more than this rule does`,
      ),
  ];
}

/** `shop/payments web-reads`: what comes last is the rule. */
function nameOf(rule: string): string {
  const [policy, name] = rule.split(' ');
  return `rule ${name} of ${policy}`;
}

function layOut(node: Node, { operation, requests, paths }: ProposedOperation, isOnly: boolean): void {
  const { paths: patterns } = operation;
  const wide = patterns?.filter(isWide) ?? [];
  const amount = isOnly ? '' : counted(requests, 'request');
  const variety = paths > (patterns?.length ?? 1) ? counted(paths, 'different path') : '';
  const remarks = [
    [amount, variety].filter((text) => text !== '').join(', '),
    patterns === undefined ? 'REVIEW: these have no path, so every path is allowed' : '',
    ...wide.map((pattern) => `REVIEW: ${pattern} is wide, since what was asked for looks like data`),
  ].filter((text) => text !== '');
  if (remarks.length > 0) node.commentBefore = commentOf(remarks);
  if (!isMap(node)) return;
  onOneLine(node.get('methods', true));
  const list = node.get('paths', true);
  if ((patterns?.join(', ').length ?? 0) <= LINE_MAX_CHARS) onOneLine(list);
}

function inLines(list: unknown): void {
  if (isSeq(list)) for (const item of list.items) onOneLine(item);
}

function onOneLine(node: unknown): void {
  if (isMap(node) || isSeq(node)) node.flow = true;
}

function commentOf(lines: readonly string[]): string {
  return lines
    .map((line) => (line === '' ? ' ' : ` ${printable(line.slice(0, COMMENT_MAX_CHARS))}`))
    .join('\n');
}

import type { ReplayChangeKind } from '../../api/replay.ts';

/** What a candidate would change for one request. */
export interface Difference {
  readonly kind: ReplayChangeKind;
  /** what decided then, and what would, in words */
  readonly from: string;
  readonly to: string;
}

/** Undefined: the candidate does not say anything about it. */
export type Judgement = Difference | 'unchanged' | undefined;

/** `rule no-admin of shop/payments`. */
export function nameOfRule(policy: string, rule: string): string {
  if (rule === 'default') return policy === '' ? 'no rule' : `no rule of ${policy}`;
  return policy === '' ? rule : `rule ${rule} of ${policy}`;
}

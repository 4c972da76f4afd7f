import { asJsonSchema } from '../generate/json-schema.ts';
import { MeshPolicySpecSchema } from '../mesh-policy.ts';
import { casesPastBounds } from './cases/bounds.ts';
import type { PolicyCase } from './cases/case.ts';
import { INVALID_INBOUND } from './cases/invalid-inbound.ts';
import { INVALID_RULES } from './cases/invalid-rules.ts';
import { INVALID_TARGETS } from './cases/invalid-target.ts';
import { INVALID_TRAFFIC } from './cases/invalid-traffic.ts';
import { VALID_CASES } from './cases/valid.ts';

export type { PolicyCase } from './cases/case.ts';

/** What people get wrong, one by one. */
export const INVALID_CASES: readonly PolicyCase[] = [
  ...INVALID_TARGETS,
  ...INVALID_INBOUND,
  ...INVALID_TRAFFIC,
  ...INVALID_RULES,
];

/** One past every bound of the schema. */
export const CASES_PAST_BOUNDS: readonly PolicyCase[] = casesPastBounds(
  asJsonSchema(MeshPolicySpecSchema),
  VALID_CASES.map(({ document }) => (document as { spec: unknown }).spec),
);

/** Every judge of MeshPolicy agrees on these. */
export const POLICY_CASES: readonly PolicyCase[] = [...VALID_CASES, ...INVALID_CASES, ...CASES_PAST_BOUNDS];

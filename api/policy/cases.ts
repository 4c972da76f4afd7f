import type { PolicyCase } from './cases/case.ts';
import { INVALID_INBOUND } from './cases/invalid-inbound.ts';
import { INVALID_TARGETS } from './cases/invalid-target.ts';
import { INVALID_TRAFFIC } from './cases/invalid-traffic.ts';
import { VALID_CASES } from './cases/valid.ts';

export type { PolicyCase } from './cases/case.ts';

/** Every judge of MeshPolicy agrees on these. */
export const POLICY_CASES: readonly PolicyCase[] = [
  ...VALID_CASES,
  ...INVALID_TARGETS,
  ...INVALID_INBOUND,
  ...INVALID_TRAFFIC,
];

import { documentValidator } from './document-validator.ts';
import { validate as meshPolicyShape } from './generated/mesh-policy.js';
import { validate as workloadShape } from './generated/workload.js';
import { MeshPolicySchema } from './mesh-policy.ts';
import { WorkloadSchema } from './workload.ts';

export type { ValidationProblem } from './problems.ts';
export {
  assertDestination,
  assertProxyConfig,
  validateDestination,
  validateProxyConfig,
} from './validate-proxy-config.ts';

/**
 * What the API server would say to a MeshPolicy, for the files source and the CLI: an empty list means valid.
 * Not for the sidecar, which imports validate-proxy-config.ts alone.
 */
export const validateMeshPolicy = documentValidator(MeshPolicySchema, meshPolicyShape);

/** A Workload document of the mode without Kubernetes. */
export const validateWorkload = documentValidator(WorkloadSchema, workloadShape);

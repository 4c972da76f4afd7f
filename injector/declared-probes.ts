import { Compile } from 'typebox/compile';
import { ENV } from '../api/environment.ts';
import { CONTAINER_SIDECAR } from '../api/names.ts';
import { type DeclaredProbes, DeclaredProbesSchema } from '../api/probes.ts';
import type { Pod } from './pod.ts';

/** The original probes as they travel in the sidecar's environment, there and back. */

const validator = Compile(DeclaredProbesSchema);

/** The kubelet expands $(NAME) in values and makes $ of $$; a probe's path may contain either. */
export function writeProbes(probes: DeclaredProbes): string {
  return JSON.stringify(probes).replaceAll('$', '$$$$');
}

/**
 * What an earlier invocation of this webhook for the same pod took over. Only the pod's author could have
 * written something else there, about the author's own containers; its form is checked all the same.
 */
export function readProbes(pod: Pod): DeclaredProbes {
  const sidecar = pod.spec.initContainers?.find(({ name }) => name === CONTAINER_SIDECAR);
  const value = sidecar?.env?.find(({ name }) => name === ENV.probes)?.value;
  if (value === undefined || value === null) return {};
  try {
    const probes: unknown = JSON.parse(value.replaceAll('$$', '$'));
    return validator.Check(probes) ? probes : {};
  } catch {
    return {};
  }
}

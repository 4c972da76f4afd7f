import { CONFIG_MAX_BYTES } from '../../api/names.ts';
import type { Version } from '../../api/version.ts';
import { canonicalJson } from '../compile/canonical-json.ts';
import { type CompiledProxy, compileProxyConfig, generationsIn } from '../compile/proxy-config.ts';
import { type Hit, hitsOn, strongestHitFirst } from '../compile/target.ts';
import { describeError } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { MeshSettings, Workload } from '../mesh/model.ts';

/** A configuration that is wanted and cannot be published. */
export interface Withheld {
  /** in words that follow a colon */
  readonly reason: string;
  /** what would be in force; without hash */
  readonly version: Version;
}

export interface BoundedProxy extends CompiledProxy {
  /** canonical JSON of `config` */
  readonly text: string;
  /** what it was merged from */
  readonly hits: readonly Hit[];
}

export interface Outcome {
  /** undefined: there is nothing that can be published anew */
  readonly proxy: BoundedProxy | undefined;
  /** undefined: `proxy` is all that is wanted */
  readonly withheld: Withheld | undefined;
}

/**
 * Bytes of the policies about one workload, as JSON: what is merged from more is too large as well, or somebody's
 * attempt at keeping the operator busy. Adding up the lot costs far less than merging it.
 */
export const POLICIES_MAX_BYTES = 2 * CONFIG_MAX_BYTES;
/** About one workload: each is compared with all others that say the same field. */
export const POLICIES_MAX = 256;

/**
 * Pure. The configuration of a workload, where it has a size that sidecars take. Where it has not, what the owners of
 * its namespace changed is withheld and what was in force of theirs stays; what the control plane's namespace says
 * holds all the same, or nobody could be told anything who keeps too many policies.
 *
 * @param inForce what the configuration in force was merged from; undefined: nobody knows
 */
export function compileBounded(mesh: Mesh, workload: Workload, inForce: readonly Hit[] | undefined): Outcome {
  let wanted: readonly Hit[];
  try {
    wanted = hitsOn(mesh, workload);
  } catch (error) {
    // One workload's trouble is not everybody's.
    return {
      proxy: undefined,
      withheld: { reason: failed(error), version: { hash: '', policies: {} } },
    };
  }
  const whole = compileWithin(mesh, workload, wanted);
  if (typeof whole !== 'string') return { proxy: whole, withheld: undefined };
  const version = { hash: '', policies: Object.fromEntries(generationsIn(wanted)) };
  const withheld = { reason: whole, version };
  const part = inForce && compileWithin(mesh, workload, mixed(wanted, inForce, mesh.settings));
  return { proxy: typeof part === 'string' ? undefined : part, withheld };
}

function mixed(
  wanted: readonly Hit[],
  inForce: readonly Hit[],
  { controlPlaneNamespace }: MeshSettings,
): Hit[] {
  const isOurs = ({ policy }: Hit) => policy.namespace === controlPlaneNamespace;
  const others = inForce.filter((hit) => !isOurs(hit));
  return [...wanted.filter(isOurs), ...others].sort(strongestHitFirst);
}

/** Or why not. */
function compileWithin(mesh: Mesh, workload: Workload, hits: readonly Hit[]): BoundedProxy | string {
  if (hits.length > POLICIES_MAX) return `${hits.length} policies are about it, more than ${POLICIES_MAX}`;
  const policyBytes = hits.reduce((sum, { policy: { spec } }) => sum + sizeOf(spec), 0);
  if (policyBytes > POLICIES_MAX_BYTES) {
    return `the policies about it are ${policyBytes} bytes together, more than ${POLICIES_MAX_BYTES}`;
  }
  try {
    const compiled = compileProxyConfig(mesh, workload, hits);
    const text = canonicalJson(compiled.config);
    const bytes = Buffer.byteLength(text);
    if (bytes <= CONFIG_MAX_BYTES) return { ...compiled, text, hits };
    return `the merged configuration is ${bytes} bytes, more than ${CONFIG_MAX_BYTES}`;
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): string {
  return `it could not be compiled: ${describeError(error)}`;
}

type Spec = Hit['policy']['spec'];
const sizes = new WeakMap<Spec, number>();

/** Of what a workload's own sidecar is told. */
function sizeOf(spec: Spec): number {
  const known = sizes.get(spec);
  if (known !== undefined) return known;
  const { inbound, egress, telemetry } = spec;
  const bytes = Buffer.byteLength(JSON.stringify([inbound, egress, telemetry]));
  sizes.set(spec, bytes);
  return bytes;
}

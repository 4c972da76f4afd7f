import { isIP } from 'node:net';
import {
  ANNOTATION_CPU_LIMIT,
  ANNOTATION_CPU_REQUEST,
  ANNOTATION_IMAGE,
  ANNOTATION_LOG_LEVEL,
  ANNOTATION_MEMORY_LIMIT,
  ANNOTATION_MEMORY_REQUEST,
  ANNOTATION_SKIP_INBOUND_PORTS,
  ANNOTATION_SKIP_OUTBOUND_CIDRS,
  ANNOTATION_SKIP_OUTBOUND_PORTS,
} from '../api/names.ts';
import { annotation, type Pod } from './pod.ts';
import { parseQuantity } from './quantity.ts';
import { type Resources, SIDECAR_LOG_LEVELS, type SidecarSettings } from './settings.ts';

/** The settings as one pod has them. Lists are comma-separated, empty for none. */
export interface PodOptions {
  readonly image: string;
  readonly logLevel: string;
  readonly resources: Resources;
  readonly skipInboundPorts: string;
  readonly skipOutboundPorts: string;
  readonly skipOutboundCidrs: string;
  /** annotations that were left out of account */
  readonly warnings: readonly string[];
}

const LIST_MAX = 100;
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/;
/** Below this no memory is meant: `128m` is an eighth of a byte. */
const MEMORY_MIN_BYTES = 1024 * 1024;

/** Reads the annotations of the pod. `errors` say what to write instead. */
export function readOverrides(
  pod: Pod,
  settings: SidecarSettings,
): { readonly options: PodOptions } | { readonly errors: readonly string[] } {
  const reader = new AnnotationReader(pod, settings);
  const options: PodOptions = {
    image: reader.read(ANNOTATION_IMAGE, imageError) ?? settings.image,
    logLevel: reader.read(ANNOTATION_LOG_LEVEL, logLevelError) ?? settings.logLevel,
    resources: { ...defaultResources(pod, settings.resources), ...reader.readResources() },
    skipInboundPorts: reader.read(ANNOTATION_SKIP_INBOUND_PORTS, portsError) ?? '',
    skipOutboundPorts: reader.read(ANNOTATION_SKIP_OUTBOUND_PORTS, portsError) ?? '',
    skipOutboundCidrs: reader.read(ANNOTATION_SKIP_OUTBOUND_CIDRS, cidrsError) ?? '',
    warnings: reader.warnings,
  };
  const errors = [...reader.errors, ...(reader.errors.length === 0 ? limitErrors(options.resources) : [])];
  return errors.length > 0 ? { errors } : { options };
}

/**
 * A pod may have a budget of its own, for all containers together: what it bounds, the sidecar takes out of it. Amounts
 * of ours could exceed it, and the API server would refuse the pod.
 * https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#pod-level-resource-specification
 */
function defaultResources(
  pod: Pod,
  { cpuRequest, memoryRequest, cpuLimit, memoryLimit }: Resources,
): Resources {
  const { requests, limits } = pod.spec.resources ?? {};
  const isFree = (what: string) => requests?.[what] === undefined && limits?.[what] === undefined;
  return {
    ...(isFree('cpu') && { ...(cpuRequest && { cpuRequest }), ...(cpuLimit && { cpuLimit }) }),
    ...(isFree('memory') && { ...(memoryRequest && { memoryRequest }), ...(memoryLimit && { memoryLimit }) }),
  };
}

type Check = (value: string) => string | undefined;
/** These weaken the mesh for a pod and count only where the installation allows them. */
const RESTRICTED: readonly string[] = [
  ANNOTATION_IMAGE,
  ANNOTATION_SKIP_INBOUND_PORTS,
  ANNOTATION_SKIP_OUTBOUND_PORTS,
  ANNOTATION_SKIP_OUTBOUND_CIDRS,
];

class AnnotationReader {
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  readonly #pod: Pod;
  readonly #settings: SidecarSettings;

  constructor(pod: Pod, settings: SidecarSettings) {
    this.#pod = pod;
    this.#settings = settings;
  }

  read(name: string, check: Check): string | undefined {
    const value = annotation(this.#pod, name)?.trim();
    if (value === undefined) return undefined;
    if (RESTRICTED.includes(name) && !this.#settings.allowedAnnotations.has(name)) {
      this.warnings.push(`annotation ${name} is not allowed by this installation and does not count`);
      return undefined;
    }
    const error = check(value);
    if (error === undefined) return value;
    this.errors.push(`annotation ${name}: ${JSON.stringify(value.slice(0, 80))} ${error}`);
    return undefined;
  }

  readResources(): Resources {
    const cpuRequest = this.read(ANNOTATION_CPU_REQUEST, cpuError);
    const memoryRequest = this.read(ANNOTATION_MEMORY_REQUEST, memoryError);
    const cpuLimit = this.read(ANNOTATION_CPU_LIMIT, cpuError);
    const memoryLimit = this.read(ANNOTATION_MEMORY_LIMIT, memoryError);
    return {
      ...(cpuRequest !== undefined && { cpuRequest }),
      ...(memoryRequest !== undefined && { memoryRequest }),
      ...(cpuLimit !== undefined && { cpuLimit }),
      ...(memoryLimit !== undefined && { memoryLimit }),
    };
  }
}

const imageError: Check = (value) =>
  IMAGE.test(value) ? undefined : 'is not an image; write as in registry.example.com/weft:1.0';
const logLevelError: Check = (value) =>
  (SIDECAR_LOG_LEVELS as readonly string[]).includes(value)
    ? undefined
    : `is none of ${SIDECAR_LOG_LEVELS.join(', ')}`;
const cpuError: Check = (value) =>
  parseQuantity(value) === undefined ? 'is not an amount of CPU; write as in 100m or 0.5' : undefined;
const portsError: Check = (value) =>
  listError(value, isPort, 'is not a list of ports; write numbers from 1 to 65535, as in 3306,9092');
const cidrsError: Check = (value) =>
  listError(value, isCidr, 'is not a list of address ranges; write as in 10.0.0.0/8,2001:db8::/32');

function memoryError(value: string): string | undefined {
  const bytes = parseQuantity(value);
  if (bytes === undefined) return 'is not an amount of memory; write as in 128Mi';
  return bytes < MEMORY_MIN_BYTES ? 'is less than one mebibyte; write as in 128Mi' : undefined;
}

function listError(value: string, isValid: (entry: string) => boolean, error: string): string | undefined {
  if (value === '') return undefined;
  const entries = value.split(',').map((entry) => entry.trim());
  if (entries.length > LIST_MAX) return `has more than ${LIST_MAX} entries`;
  return entries.every(isValid) ? undefined : error;
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535;
}

function isCidr(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (length === undefined) return true;
  return /^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
}

/** The API server would refuse the pod with a message about a container the author never wrote. */
function limitErrors(resources: Resources): string[] {
  const pairs = [
    ['cpu', resources.cpuRequest, resources.cpuLimit],
    ['memory', resources.memoryRequest, resources.memoryLimit],
  ] as const;
  return pairs.flatMap(([what, request, limit]) => {
    if (request === undefined || limit === undefined) return [];
    if (parseQuantity(request)! <= parseQuantity(limit)!) return [];
    return [
      `the sidecar's ${what} request ${request} is above its limit ${limit}; set both weft.dev/${what}-request and weft.dev/${what}-limit`,
    ];
  });
}

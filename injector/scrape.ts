import { PORTS } from '../api/names.ts';
import { type DeclaredProbe, PROBE_PATH_PREFIX, SCRAPE_KEY } from '../api/probes.ts';
import { type PatchOperation, pointer } from './json-patch.ts';
import { annotation, type Pod } from './pod.ts';

/**
 * The annotations by which pods ask Prometheus to scrape them. Prometheus is mostly outside the mesh, so under Strict
 * it could not: it is pointed at the sidecar's admin port, where exactly this page of the app is handed on.
 * https://github.com/prometheus-community/helm-charts/blob/main/charts/prometheus/values.yaml
 */
const SCRAPE = 'prometheus.io/scrape';
const PORT = 'prometheus.io/port';
const PATH = 'prometheus.io/path';
const SCHEME = 'prometheus.io/scheme';

/** As Prometheus waits by default. */
const TIMEOUT_SECONDS = 10;
const DEFAULT_PATH = '/metrics';
const VALID_PATH = /^\/[\x21-\x7e]{0,4095}$/;

export interface RewrittenScrape {
  readonly operations: readonly PatchOperation[];
  readonly probe?: DeclaredProbe;
  readonly warning?: string;
}

/** `earlier` tells what an earlier invocation took over, by the key of the path that stands there now. */
export function rewriteScrape(
  pod: Pod,
  token: string,
  earlier: (key: string) => DeclaredProbe | undefined,
): RewrittenScrape {
  if (annotation(pod, SCRAPE) !== 'true') return { operations: [] };
  const port = annotation(pod, PORT);
  const path = annotation(pod, PATH) ?? DEFAULT_PATH;
  if (port === String(PORTS.admin)) return keep(path, token, earlier);
  if (port === undefined) {
    return left(`${SCRAPE} without ${PORT}: Weft does not know the port, and under Strict mTLS scrapes fail`);
  }
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  const scheme = annotation(pod, SCHEME) ?? 'http';
  if (number < 1 || number > 65535 || !VALID_PATH.test(path) || !/^https?$/.test(scheme)) {
    return left(
      `${PORT}, ${PATH} or ${SCHEME} is not valid: Weft leaves them, and under Strict mTLS scrapes fail`,
    );
  }
  const httpGet = { path, port: number, scheme: scheme === 'https' ? 'HTTPS' : 'HTTP' } as const;
  return {
    operations: [
      set(PORT, String(PORTS.admin)),
      set(PATH, pathOf(token)),
      ...(scheme === 'https' ? [set(SCHEME, 'http')] : []),
    ],
    probe: { httpGet, timeoutSeconds: TIMEOUT_SECONDS },
  };
}

/** Of an earlier invocation, under the token of this one; another path there is the sidecar's own metrics. */
function keep(
  path: string,
  token: string,
  earlier: (key: string) => DeclaredProbe | undefined,
): RewrittenScrape {
  const key = path.startsWith(PROBE_PATH_PREFIX) ? path.slice(PROBE_PATH_PREFIX.length) : '';
  const probe = key.endsWith(`/${SCRAPE_KEY}`) ? earlier(key) : undefined;
  if (probe === undefined) return { operations: [] };
  return { operations: path === pathOf(token) ? [] : [set(PATH, pathOf(token))], probe };
}

function pathOf(token: string): string {
  return `${PROBE_PATH_PREFIX}${token}/${SCRAPE_KEY}`;
}

function left(warning: string): RewrittenScrape {
  return { operations: [], warning };
}

function set(name: string, value: string): PatchOperation {
  return { op: 'add', path: pointer('metadata', 'annotations', name), value };
}

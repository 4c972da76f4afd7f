import { type FastifyError, fastify } from 'fastify';
import type { Logger } from 'pino';
import { type AdmissionContext, admit, type Decision } from './admit.ts';
import { podSecurityDecision } from './pod-security.ts';
import { type AdmissionRequest, parseReview, reviewResponse } from './review.ts';
import type { SidecarSettings } from './settings.ts';
import type { TlsMaterial } from './tls-files.ts';

export interface WebhookDependencies {
  readonly settings: SidecarSettings;
  readonly readTrustBundle: () => Promise<string | undefined>;
  readonly newProxyId: () => string;
  readonly log: Logger;
}

/** A pod is at most 1.5 MiB in etcd; a review holds it once, and an object of managed fields. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;
const CONNECTIONS_MAX = 1000;

export type WebhookServer = ReturnType<typeof createWebhookServer>;

/**
 * `POST /inject` and `POST /pod-security`, HTTPS. Whatever is not an AdmissionReview gets a 4xx with a JSON message; a review always
 * gets a review as its answer.
 */
export function createWebhookServer(tls: TlsMaterial, dependencies: WebhookDependencies) {
  const { log } = dependencies;
  const server = fastify({
    https: { cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' },
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Requests that still arrive while closing are answered like any other.
    return503OnClosing: false,
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  for (const [path, judge] of Object.entries(JUDGES)) {
    server.post(path, async (request, reply) => {
      const review = parseReview(request.body);
      if (typeof review === 'string') return reply.code(400).send({ message: review });
      return reviewResponse(review.uid, await decide(review, judge, dependencies));
    });
  }
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ message: `only POST ${Object.keys(JUDGES).join(' and ')}` }),
  );
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const code = error.statusCode ?? 500;
    if (code >= 500) log.error({ err: error }, 'request failed');
    else log.warn({ reason: error.message }, 'request refused');
    return reply.code(code).send({ message: code >= 500 ? 'internal error' : error.message });
  });
  return server;
}

type Judge = (request: AdmissionRequest, context: AdmissionContext) => Decision;
const JUDGES: Readonly<Record<string, Judge>> = { '/inject': admit, '/pod-security': podSecurityDecision };

async function decide(
  request: AdmissionRequest,
  judge: Judge,
  dependencies: WebhookDependencies,
): Promise<Decision> {
  const startMs = performance.now();
  const context: AdmissionContext = {
    settings: dependencies.settings,
    trustBundle: await dependencies.readTrustBundle(),
    proxyId: dependencies.newProxyId(),
  };
  const decision = decideSafely(() => judge(request, context), dependencies.log);
  dependencies.log.info(
    {
      namespace: request.namespace,
      pod: nameOf(request.object),
      outcome: decision.outcome,
      ...(decision.allowed ? { warnings: decision.warnings } : { reason: decision.message }),
      dryRun: request.dryRun,
      durationMs: Math.round((performance.now() - startMs) * 100) / 100,
    },
    'admission',
  );
  return decision;
}

/** A fault of ours must not read as a broken connection: the author gets an answer, the log the stack. */
function decideSafely(judge: () => Decision, log: Logger): Decision {
  try {
    return judge();
  } catch (error) {
    log.error({ err: error }, 'admission failed');
    return { allowed: false, outcome: 'Refused', code: 500, message: 'weft: internal error of the injector' };
  }
}

/** The object is unchecked here. */
function nameOf(object: unknown): string {
  const metadata = (object as { metadata?: { name?: unknown; generateName?: unknown } } | null)?.metadata;
  return String(metadata?.name || metadata?.generateName || '').slice(0, 253);
}

import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../log.ts';
import { send, text } from './answer.ts';
import type { HttpProbe } from './declared-probes.ts';
import { openRequest } from './probe-relay.ts';

/** What Prometheus and the app agree about: https://prometheus.io/docs/instrumenting/content_negotiation/ */
const ASKED = ['accept', 'accept-encoding', 'user-agent', 'x-prometheus-scrape-timeout-seconds'] as const;
const TOLD = ['content-type', 'content-encoding'] as const;
/** Far above any page of metrics; more is cut off, and so is the connection, lest half a page look whole. */
const PAGE_MAX_BYTES = 64 * 1024 * 1024;

/** Asks the app for the metrics that the pod declares, and hands them on piece by piece. Never rejects. */
export async function relayScrape(
  probe: HttpProbe,
  podIp: string,
  request: IncomingMessage,
  response: ServerResponse,
  pageMaxBytes = PAGE_MAX_BYTES,
): Promise<void> {
  const bounded = new AbortController();
  const abort = () => bounded.abort();
  const timer = setTimeout(abort, probe.timeoutMs);
  response.once('close', abort);
  try {
    const answer = await ask(probe, podIp, request, bounded.signal);
    response.writeHead(answer.statusCode ?? 502, pick(answer.headers, TOLD));
    await pipeline(answer, atMost(pageMaxBytes), response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else send(response, text(503, `the app has no metrics to show: ${messageOf(error)}`));
  } finally {
    clearTimeout(timer);
    response.removeListener('close', abort);
  }
}

function ask(
  probe: HttpProbe,
  podIp: string,
  { headers }: IncomingMessage,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = openRequest(probe, podIp, {
      ...{ path: probe.path, headers: pick(headers, ASKED), signal },
      answered: resolve,
    });
    asked.on('error', reject);
    asked.end();
  });
}

function pick(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string') picked[name] = value;
  }
  return picked;
}

function atMost(maxBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new Error(`more than ${maxBytes} bytes`));
      else done(null, chunk);
    },
  });
}

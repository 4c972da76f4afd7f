import http from 'node:http';
import https from 'node:https';
import { hostOf } from '../../api/traces-url.ts';
import type { Timers } from '../transport/timers.ts';
import { lookup } from './collector-lookup.ts';

/** What became of one batch. */
export type Delivery =
  | { readonly type: 'accepted'; readonly rejectedSpans: number }
  /** `afterMs`: how long the collector wants to be left alone */
  | { readonly type: 'busy'; readonly afterMs: number | undefined }
  | { readonly type: 'unreachable' }
  /** it will not take it next time either */
  | { readonly type: 'refused' };

/** Sends one batch; `done` is called once. Returns what gives up on it. */
export type Deliver = (body: string, done: (delivery: Delivery) => void) => () => void;

const TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 64 * 1024;
/** Retryable (OTLP/HTTP, Failures). */
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface CollectorClient {
  readonly deliver: Deliver;
  close(): void;
}

/**
 * OTLP/HTTP with a JSON body to one collector, over one connection. Follows no redirect: where spans go is for
 * policy to say, and what the sidecar can reach is not for a stranger to use. Answers are read bounded.
 */
export function collectorClient(url: URL, timers: Timers): CollectorClient {
  const { Agent, request } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const deliver: Deliver = (body, done) => {
    const bytes = Buffer.from(body);
    const outgoing = request({
      ...{
        agent,
        lookup,
        method: 'POST',
        host: hostOf(url),
        port: url.port,
        path: url.pathname + url.search,
      },
      headers: { 'Content-Type': 'application/json', 'Content-Length': bytes.length, 'User-Agent': 'weft' },
    });
    let isOver = false;
    const finish = (delivery: Delivery) => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      done(delivery);
    };
    const giveUp = () => {
      outgoing.destroy();
      finish({ type: 'unreachable' });
    };
    const timer = timers.after(TIMEOUT_MS, giveUp);
    outgoing.on('error', () => finish({ type: 'unreachable' }));
    // spans are no reason for a process to live on
    outgoing.on('socket', (socket) => socket.unref());
    outgoing.on('response', (response) => readAnswer(response, finish));
    outgoing.end(bytes);
    return giveUp;
  };
  return { deliver, close: () => agent.destroy() };
}

function readAnswer(response: http.IncomingMessage, finish: (delivery: Delivery) => void): void {
  let text = '';
  let bytes = 0;
  response.setEncoding('utf8');
  response.on('data', (piece: string) => {
    bytes += Buffer.byteLength(piece);
    if (bytes <= MAX_RESPONSE_BYTES) text += piece;
    else response.destroy();
  });
  response.on('error', () => {});
  response.on('close', () => finish(deliveryOf(response, bytes > MAX_RESPONSE_BYTES ? '' : text)));
}

function deliveryOf({ statusCode = 0, headers }: http.IncomingMessage, text: string): Delivery {
  if (BUSY.has(statusCode)) return { type: 'busy', afterMs: retryAfterMs(headers['retry-after']) };
  if (statusCode < 200 || statusCode > 299) return { type: 'refused' };
  return { type: 'accepted', rejectedSpans: rejectedSpans(text) };
}

/** Seconds (RFC 9110 10.2.3); a date is as good as nothing. */
function retryAfterMs(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1_000 : undefined;
}

/** `partialSuccess.rejectedSpans` of an ExportTraceServiceResponse; what is not one says nothing. */
function rejectedSpans(text: string): number {
  try {
    const answer = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: unknown } } | null;
    const rejected = Number(answer?.partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}

import type { Exchange, FinishListener } from '../http1/exchange.ts';
import type { Observation } from '../layers/telemetry.ts';
import { ownText } from './own-text.ts';
import { type Attribute, SPAN_KIND, type Span } from './span.ts';
import type { OutgoingContext } from './trace-context.ts';

/** Methods of RFC 9110 and PATCH; others would be names without bound (semantic conventions, HTTP spans). */
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
]);
const HTTP_PORT = 80;

/** A request under way that is sampled. */
export class OpenSpan implements FinishListener {
  readonly #context: OutgoingContext;
  readonly #observation: Observation;
  readonly #startMs: number;
  readonly #onEnd: (span: Span) => void;

  /** `startMs`: since 1970, of the request's head. */
  constructor(
    context: OutgoingContext,
    observation: Observation,
    startMs: number,
    onEnd: (span: Span) => void,
  ) {
    this.#context = context;
    this.#observation = observation;
    this.#startMs = startMs;
    this.#onEnd = onEnd;
  }

  onExchangeFinished(exchange: Exchange): void {
    const { head, trail, error, status, aborted } = exchange;
    const { direction, timers } = this.#observation;
    const { traceId, spanId, parentId } = this.#context;
    const method = METHODS.has(head.method) ? head.method : 'HTTP';
    this.#onEnd({
      traceId,
      spanId,
      parentId,
      name: trail.route === '' ? method : `${method} ${trail.route}`,
      kind: direction === 'inbound' ? SPAN_KIND.server : SPAN_KIND.client,
      startMs: this.#startMs,
      durationMs: Math.max(0, timers.nowMs() - trail.startedMs),
      attributes: attributesOf(exchange, this.#observation),
      isError: error !== undefined || aborted || status >= 500,
      message: ownText(trail.reason),
    });
  }
}

/**
 * OpenTelemetry's semantic conventions for HTTP spans, and what the mesh decided. No query and no header: those
 * carry secrets.
 */
function attributesOf(exchange: Exchange, observation: Observation): Attribute[] {
  const { head, trail, error, status, aborted } = exchange;
  const attributes: Attribute[] = [];
  const say = (name: string, value: string | number | undefined) => {
    if (value !== undefined && value !== '') attributes.push([name, value]);
  };
  say('http.request.method', METHODS.has(head.method) ? head.method : '_OTHER');
  if (!METHODS.has(head.method)) say('http.request.method_original', ownText(head.method));
  say('url.scheme', 'http');
  say('url.path', ownText(head.path));
  const server = splitPort(ownText(head.host), HTTP_PORT);
  say('server.address', server.host);
  say('server.port', server.port);
  say('network.protocol.version', exchange.protocol === 'http1' ? `1.${head.minorVersion}` : '2');
  const isInbound = observation.direction === 'inbound';
  const peer = isInbound
    ? { host: observation.callerAddress, port: undefined }
    : splitPort(trail.endpoint, undefined);
  say('network.peer.address', peer.host);
  say('network.peer.port', peer.port);
  if (isInbound) say('client.address', observation.callerAddress);
  else if (head.path !== undefined) say('url.full', `http://${ownText(head.host)}${ownText(head.path)}`);
  if (status > 0) say('http.response.status_code', status);
  if (trail.attempts > 1) say('http.request.resend_count', trail.attempts - 1);
  say('error.type', error ?? (status >= 500 ? String(status) : aborted ? 'aborted' : ''));
  say('weft.request_id', ownText(trail.requestId));
  say('weft.caller', observation.caller);
  say('weft.service', observation.parties(trail).service);
  say('weft.policy', trail.policy);
  say('weft.rule', trail.rule);
  say('weft.verdict', trail.verdict);
  say('weft.endpoint', trail.endpoint);
  if (trail.attempts > 0) say('weft.attempts', trail.attempts);
  say('weft.error', error);
  say('weft.peer_error', trail.peerError);
  return attributes;
}

/** `host:port`, `[v6]:port` or a host alone. */
function splitPort<Port>(text: string, otherwise: Port): { host: string; port: number | Port } {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return { host: text, port: otherwise };
  return { host: match[1] ?? match[2] ?? '', port: match[3] === undefined ? otherwise : Number(match[3]) };
}

import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { parseObject } from './messages.ts';
import { isBoundTo } from './stream-auth.ts';
import { refuse } from './stream-end.ts';
import type { StreamSource } from './stream-source.ts';

const BODY_MAX_BYTES = 4096;
const TOKEN_MAX_LENGTH = 16 * 1024;
/** Without a byte of the body for this long, the stream is ended. */
const BODY_IDLE_MS = 5_000;
/** Each asks the API server once. */
const CONCURRENT_MAX = 64;

/**
 * `POST /v1/identity`: the first identity of a sidecar that has none, for the token of its pod. The token says
 * which pod asks; it must be the one that the proxy id is bound to, by uid.
 */
export class FirstIdentity {
  readonly #source: StreamSource;
  #running = 0;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  async answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    try {
      const token = bearerOf(headers);
      if (token === undefined) return refuse(stream, 401, 'forbidden', 'a bearer token is required');
      const proxyId = await readProxyId(stream);
      if (proxyId === undefined)
        return refuse(stream, 400, 'bad-message', 'the body must be {"proxyId": "…"}');
      await this.#inTurn(stream, token, proxyId);
    } catch {
      refuse(stream, 503, 'forbidden', 'the identity cannot be given now; ask again');
    }
  }

  /** Counted from here on: who only sends a body slowly, which needs no valid token, takes nobody's turn. */
  async #inTurn(stream: ServerHttp2Stream, token: string, proxyId: string): Promise<void> {
    if (this.#running >= CONCURRENT_MAX)
      return refuse(stream, 503, 'forbidden', 'too many at once; ask again');
    this.#running += 1;
    try {
      await this.#answer(stream, token, proxyId);
    } finally {
      this.#running -= 1;
    }
  }

  async #answer(stream: ServerHttp2Stream, token: string, proxyId: string): Promise<void> {
    const holder = await this.#source.reviewToken(token);
    if (holder === undefined) return refuse(stream, 401, 'forbidden', 'the token is not valid');
    const workload = this.#source.find(proxyId);
    if (workload === undefined || !isBoundTo(holder, workload)) {
      return refuse(stream, 403, 'forbidden', 'the proxy id does not belong to the pod of this token');
    }
    const identity = await this.#source.ensureIdentity(workload);
    const config = this.#source.config(workload);
    if (stream.destroyed) return;
    const { certificate, privateKey, trustBundle } = identity;
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
    stream.write(`${JSON.stringify({ type: 'identity', certificate, privateKey, trustBundle })}\n`);
    stream.end(config && `{"type":"config","config":${config.text}}\n`);
  }
}

function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  const match = /^Bearer ([!-~]+)$/i.exec(authorization ?? '');
  return match !== null && match[1]!.length <= TOKEN_MAX_LENGTH ? match[1] : undefined;
}

/** Undefined: too long, not JSON, or without proxy id. */
async function readProxyId(stream: ServerHttp2Stream): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  stream.setTimeout(BODY_IDLE_MS, () => stream.destroy());
  for await (const part of stream.iterator({ destroyOnReturn: false })) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    if (bytes > BODY_MAX_BYTES) return undefined;
  }
  try {
    const { proxyId } = parseObject(Buffer.concat(parts).toString('utf8'));
    return typeof proxyId === 'string' ? proxyId : undefined;
  } catch {
    return undefined;
  }
}

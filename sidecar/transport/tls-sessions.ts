const MAX_SESSIONS = 256;

export interface TlsSession {
  readonly ticket: Buffer;
  /** since the epoch: the end of the certificate that the endpoint has shown */
  readonly provenUntilMs: number;
}

/**
 * Tickets of endpoints, so that the next connection need not prove again what one has proven under the same
 * trust bundle. Each is used once (RFC 8446 C.4: two connections with one ticket could be linked).
 */
export class TlsSessions {
  readonly #sessions = new Map<string, TlsSession>();

  take(endpoint: string): TlsSession | undefined {
    const session = this.#sessions.get(endpoint);
    if (session !== undefined) this.#sessions.delete(endpoint);
    return session;
  }

  keep(endpoint: string, session: TlsSession): void {
    this.#sessions.delete(endpoint);
    this.#sessions.set(endpoint, session);
    if (this.#sessions.size > MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!);
  }
}

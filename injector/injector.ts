import type { Server } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createHealthServer } from './health-server.ts';
import { randomProxyId } from './proxy-id.ts';
import type { InjectorSettings } from './settings.ts';
import { type TlsMaterial, watchTlsMaterial } from './tls-files.ts';
import { TrustBundle } from './trust-bundle.ts';
import { createWebhookServer, type WebhookServer } from './webhook-server.ts';

const TLS_POLL_MS = 2_000;
/** Requests in flight take milliseconds; whoever holds a connection longer is cut off. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * Both servers and what they depend on. Nothing has to be there at the start: until the certificate and the
 * trust bundle are, `/readyz` says what is missing.
 */
export class Injector {
  readonly #settings: InjectorSettings;
  readonly #log: Logger;
  readonly #trustBundle: TrustBundle;
  readonly #health: Server;
  #webhook: WebhookServer | undefined;
  #listening = false;
  #draining = false;
  #endWatch: () => void = () => {};

  constructor(settings: InjectorSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    this.#trustBundle = new TrustBundle(settings.trustBundleFile);
    this.#health = createHealthServer(() => this.whyNotReady());
  }

  /** Resolves when the health server listens; `serving` tells when the webhook does. */
  async start(
    onServing: () => void = () => {},
    onFailure: (error: unknown) => void = () => {},
  ): Promise<void> {
    const { host, healthPort, tlsDirectory } = this.#settings;
    await listenAnyhow(host, (address) => listen(this.#health, healthPort, address));
    this.#endWatch = watchTlsMaterial(
      tlsDirectory,
      TLS_POLL_MS,
      (material) => this.#useTls(material).then((first) => first && onServing(), onFailure),
      (reason) =>
        this.#log.warn(
          { directory: tlsDirectory, reason, serving: this.#listening },
          this.#listening ? 'certificate not usable; the old one stays' : 'waiting for tls.crt and tls.key',
        ),
    );
  }

  /** The webhook's port; undefined while it does not listen. */
  get port(): number | undefined {
    return this.#listening ? (this.#webhook?.server.address() as AddressInfo | null)?.port : undefined;
  }

  get healthPort(): number {
    return (this.#health.address() as AddressInfo).port;
  }

  async whyNotReady(): Promise<string | undefined> {
    if (this.#draining) return 'shutting down';
    if (!this.#listening) return 'waiting for tls.crt and tls.key';
    if ((await this.#trustBundle.read()) === undefined) return 'waiting for the trust bundle';
    return undefined;
  }

  /** Stays reachable for as long as API servers may still be sent here, then finishes what is in flight. */
  async stop(drainDelayMs = this.#settings.drainDelayMs): Promise<void> {
    this.#draining = true;
    this.#endWatch();
    await delay(drainDelayMs);
    const cutOff = setTimeout(() => this.#webhook?.server.closeAllConnections(), CLOSE_TIMEOUT_MS);
    await this.#webhook?.close();
    clearTimeout(cutOff);
    this.#listening = false;
    this.#health.closeAllConnections();
    if (this.#health.listening) await new Promise((resolve) => this.#health.close(resolve));
  }

  /** Resolves to true when this is the first certificate, with which serving begins. */
  async #useTls(material: TlsMaterial): Promise<boolean> {
    if (this.#webhook !== undefined) {
      this.#webhook.server.setSecureContext({ ...material, minVersion: 'TLSv1.2' });
      this.#log.info('certificate replaced');
      return false;
    }
    const webhook = createWebhookServer(material, {
      settings: this.#settings.sidecar,
      readTrustBundle: () => this.#trustBundle.read(),
      newProxyId: randomProxyId,
      log: this.#log,
    });
    this.#webhook = webhook;
    const { host, port } = this.#settings;
    await listenAnyhow(host, (address) => webhook.listen({ host: address, port }));
    this.#listening = true;
    this.#log.info({ port: this.port }, 'serving');
    return true;
  }
}

/** `::` takes both families, and does not exist where IPv6 is off. */
async function listenAnyhow(host: string, start: (host: string) => Promise<unknown>): Promise<void> {
  try {
    await start(host);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    await start('0.0.0.0');
  }
}

function listen(server: NetServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

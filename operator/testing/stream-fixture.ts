import type { AddressInfo } from 'node:net';
import { Authority, createRoot, type Leaf } from '../identity/authority.ts';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import type { Log } from '../log.ts';
import type { Workload } from '../mesh/model.ts';
import type { RootMaterial, TokenHolder } from '../platform.ts';
import { AckTable } from '../publish/acks.ts';
import { StreamServer } from '../publish/stream.ts';
import type { IssuedIdentity, StreamSource, Versioned } from '../publish/stream-source.ts';
import { AckReports } from '../replicas/ack-reports.ts';
import { workload } from './builders.ts';
import { TestSidecar } from './test-sidecar.ts';

/** Stands still until it is moved, and starts now: OpenSSL looks at the real time. */
export class TlsClock extends FakeClock {
  readonly #startMs = Date.now();
  override unixMs(): number {
    return this.#startMs + this.monotonicMs();
  }
}

export const WEB = workload('shop/web', { proxyId: 'proxy-web' });
export const silentLog = { debug() {}, info() {}, warn() {}, error() {} };

/** What streams tell, set by the test. */
export class TestSource implements StreamSource {
  readonly workloads = new Map<string, Workload>([['proxy-web', WEB]]);
  configVersion: Versioned | undefined = versioned('config-1');
  readonly destinations = new Map<string, Versioned>();
  issued: IssuedIdentity | undefined;
  readonly tokens = new Map<string, TokenHolder>();
  asked: string[] = [];

  find(proxyId: string) {
    return this.workloads.get(proxyId);
  }
  config() {
    return this.configVersion;
  }
  destination(key: string) {
    this.asked.push(key);
    return this.destinations.get(key) ?? { version: undefined, text: 'null' };
  }
  trustBundle = '';
  roots: readonly string[] = [];
  trust() {
    return this;
  }
  identity() {
    return this.issued;
  }
  async ensureIdentity() {
    if (this.issued === undefined) throw new Error('the authority is away');
    return this.issued;
  }
  async reviewToken(token: string) {
    return this.tokens.get(token);
  }
}

export function versioned(
  hash: string,
  policies: Readonly<Record<string, number>> = {},
  padding = 0,
): Versioned {
  const version = { hash, policies };
  return { version, text: JSON.stringify({ version, padding: 'x'.repeat(padding) }) };
}

export class StreamFixture {
  readonly source = new TestSource();
  readonly clock = new TlsClock();
  readonly acks = new AckTable(
    () => this.clock.unixMs(),
    () => {},
  );
  readonly reports = new AckReports(
    this.clock,
    () => {},
    () => {},
  );
  readonly #sidecars: TestSidecar[] = [];
  root!: RootMaterial;
  authority!: Authority;
  server!: StreamServer;
  address!: AddressInfo;

  static async start(
    options: { readonly maxStreams?: number; readonly log?: Log } = {},
  ): Promise<StreamFixture> {
    const fixture = new StreamFixture();
    const { clock, source, acks, reports } = fixture;
    fixture.root = await createRoot('cluster.local', clock.unixMs());
    const authority = await Authority.load(fixture.root);
    const request = { spiffeId: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator', dnsNames: [] };
    const leaf = await authority.issue(request, clock.unixMs());
    fixture.authority = authority;
    fixture.server = new StreamServer({
      ...{
        authority,
        leaf,
        source,
        acks,
        reports,
        operatorSpiffeId: request.spiffeId,
        clock,
        trustDomain: 'cluster.local',
        random: () => 0,
        log: silentLog,
      },
      ...options,
    });
    fixture.address = await fixture.server.listen('127.0.0.1', 0);
    return fixture;
  }

  leafOf(spiffeId = 'spiffe://cluster.local/ns/shop/sa/web', ...dnsNames: string[]): Promise<Leaf> {
    const names = dnsNames.length === 0 ? ['proxy-web'] : dnsNames;
    return this.authority.issue({ spiffeId, dnsNames: names }, this.clock.unixMs());
  }

  /** A stream, not yet greeted. */
  dial(leaf: Leaf | undefined, request = {}): TestSidecar {
    const sidecar = new TestSidecar(this.address, this.authority.trustBundle, leaf, request);
    this.#sidecars.push(sidecar);
    return sidecar;
  }
  /** A stream that was admitted. */
  async join(version?: object): Promise<TestSidecar> {
    const sidecar = this.dial(await this.leafOf());
    sidecar.hello('proxy-web', version);
    return sidecar;
  }
  askIdentity(token: string, body: unknown): TestSidecar {
    const sidecar = TestSidecar.askIdentity(this.address, this.authority.trustBundle, token, body);
    this.#sidecars.push(sidecar);
    return sidecar;
  }

  async stop(): Promise<void> {
    for (const sidecar of this.#sidecars) sidecar.close();
    const closing = this.server.close();
    await this.clock.advance(1_000);
    await closing;
  }
}

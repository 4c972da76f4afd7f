import { createHash } from 'node:crypto';
import type { Backend, Endpoint } from '../../../api/destination.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../../mesh/model.ts';
import { canonicalJson, compareText } from '../canonical-json.ts';
import type { DestinationKey } from '../destination-key.ts';
import type { EffectivePolicy } from '../effective.ts';
import type { EndpointRoom } from '../endpoint-room.ts';
import { endpointsOf, ofFamily } from '../endpoints.ts';
import { isPermitted } from './consent.ts';
import { backendTraffic } from './group-policy.ts';
import { type TrafficHit, trafficHits } from './hits.ts';
import { GROUP_LEAVES, type Leaves, saysOfGroup, settleTraffic } from './leaves.ts';
import type { BackendRef } from './routes.ts';

/** The destination's own endpoints. */
const OWN = -1;
const NAME_MAX_LENGTH = 2048;

/** What was said of a backend, for those who ask why. */
export interface BackendSayings {
  readonly name: string;
  readonly leaves: Leaves;
}

/** What the routes of a destination lead to, each Service, port and subset once. */
export class Backends {
  readonly list: Backend[] = [];
  /** beside `list` */
  readonly sayings: BackendSayings[] = [];
  /** policies that say something of a backend's endpoints */
  readonly hits: TrafficHit[] = [];
  readonly #indexByName = new Map<string, number>();
  readonly #mesh: Mesh;
  readonly #called: Service;
  readonly #asked: DestinationKey;
  readonly #consumer: Workload;
  readonly #room: EndpointRoom;

  constructor(mesh: Mesh, called: Service, asked: DestinationKey, consumer: Workload, room: EndpointRoom) {
    this.#mesh = mesh;
    this.#called = called;
    this.#asked = asked;
    this.#consumer = consumer;
    this.#room = room;
  }

  /**
   * Its place in `list`, or -1. What does not exist, and what its namespace has not consented to, has a place and
   * no endpoints: Gateway API wants an answer of 500 and above for its share of the requests.
   */
  indexOf(ref: BackendRef, policy: EffectivePolicy): number {
    const { service: name, namespace = policy.namespace, port = this.#asked.port, selector } = ref;
    const labels = selector?.matchLabels;
    const key = `${namespace}/${name}`;
    if (key === this.#called.key && port === this.#asked.port && labels === undefined) return OWN;
    const isConsented = isPermitted(this.#mesh, policy.namespace, { namespace, name });
    // Two policies never meet in one list, so a name is consented to or not for all its uses.
    const fullName = backendName(key, port, labels);
    const known = this.#indexByName.get(fullName);
    if (known !== undefined) return known;
    const service = isConsented ? this.#mesh.service(key) : undefined;
    const servicePort = service?.ports.find((each) => each.port === port);
    const hits = service && servicePort ? this.#hitsOf(service, servicePort) : [];
    const leaves = settleTraffic(hits, GROUP_LEAVES);
    const traffic = backendTraffic(leaves);
    const endpoints = service && servicePort ? this.#endpointsOf(service, servicePort, labels) : [];
    this.#indexByName.set(fullName, this.list.length);
    this.sayings.push({ name: fullName, leaves });
    this.hits.push(...hits);
    return (
      this.list.push({ name: fullName, service: name, namespace, endpoints, ...(traffic && { traffic }) }) - 1
    );
  }

  #hitsOf(service: Service, port: ServicePort): TrafficHit[] {
    const hits = trafficHits(this.#mesh, service, port, this.#consumer);
    return hits.filter(({ policy }) => saysOfGroup(policy));
  }

  /** Of the family that was dialled where there are any; the sidecar can reach the others as well. */
  #endpointsOf(
    service: Service,
    port: ServicePort,
    labels: Readonly<Record<string, string>> | undefined,
  ): Endpoint[] {
    if (this.#room.isFull) return [];
    const all = endpointsOf(this.#mesh, service, port, labels);
    const same = this.#asked.isAddress ? ofFamily(all, this.#asked.host) : [];
    return this.#room.take(same.length > 0 ? same : all);
  }
}

/** `shop/payments:80`, `shop/payments:80{version=v2}`; labels that are too long for a name, by their hash. */
function backendName(
  key: string,
  port: number,
  labels: Readonly<Record<string, string>> | undefined,
): string {
  const whole = `${key}:${port}`;
  if (labels === undefined) return whole;
  const pairs = Object.entries(labels).sort(([a], [b]) => compareText(a, b));
  const name = `${whole}{${pairs.map(([label, value]) => `${label}=${value}`).join(',')}}`;
  if (name.length <= NAME_MAX_LENGTH) return name;
  return `${whole}{#${createHash('sha256').update(canonicalJson(labels)).digest('hex')}}`;
}

/**
 * What may have to be computed anew after changes: keys only, never objects. Marking too much costs a
 * compilation whose equal bytes go nowhere; marking too little is a bug.
 */
export class Dirty {
  /** keys of Workloads whose ProxyConfig may differ; also of those that went */
  readonly workloads = new Set<string>();
  /**
   * The host parts of destination keys whose Destination may differ, whoever the consumer is: an IP address, or
   * `<namespace>/<service>`.
   */
  readonly hosts = new Set<string>();
  /** keys of Workloads to whom every Destination may look different than before */
  readonly consumers = new Set<string>();
  /** keys of Policies whose status may differ */
  readonly policies = new Set<string>();

  get isEmpty(): boolean {
    return this.workloads.size + this.hosts.size + this.consumers.size + this.policies.size === 0;
  }

  add(other: Dirty): void {
    for (const key of other.workloads) this.workloads.add(key);
    for (const host of other.hosts) this.hosts.add(host);
    for (const key of other.consumers) this.consumers.add(key);
    for (const key of other.policies) this.policies.add(key);
  }
}

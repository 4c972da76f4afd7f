import { compileHosts, isHostWithin } from '../../compile/egress-hosts.ts';
import type { Found } from './codes.ts';
import { coversAll } from './covers.ts';
import { type Inspection, onPolicy } from './inspection.ts';

const HTTPS = 443;

/** TLS is originated only for what the app says in plaintext, on the port that it dials. */
export function originatedTls({ policies }: Inspection): Found[] {
  return policies.flatMap((policy) =>
    (policy.spec.egress?.hosts ?? []).flatMap(({ host, ports, tls }, index) => {
      if (tls !== 'Originate') return [];
      const field = `spec.egress.hosts[${index}]`;
      if (ports === undefined) {
        return onPolicy(policy, field, {
          ...{ severity: 'warning', code: 'OriginateOnEveryPort' },
          message: `TLS is spoken to ${host} on whatever port the app dials, port 80 included, and every connection on every port is looked at`,
          fix: `write the ports: {host: ${host}, ports: [443], tls: Originate}`,
        });
      }
      if (!ports.includes(HTTPS)) return [];
      return onPolicy(policy, field, {
        ...{ severity: 'info', code: 'OriginateAppTls' },
        message: `an app that calls https://${host} speaks TLS itself, and its requests are not seen; only http://${host}:443 is originated`,
        fix: `let the app call http://${host}:443, or write tls: Passthrough if it is to speak TLS`,
      });
    }),
  );
}

/** The first that matches decides, so what an earlier one takes whole the later one never gets. */
export function shadowedHosts({ policies }: Inspection): Found[] {
  return policies.flatMap((policy) => {
    const hosts = compileHosts(policy.spec.egress?.hosts ?? []);
    return hosts.flatMap((host, index) => {
      const at = hosts.slice(0, index).findIndex((each) => isTakenBy(host, each));
      const earlier = hosts[at];
      // Where both say the same of TLS, which of them decides is all one.
      if (earlier === undefined || earlier.tls === host.tls) return [];
      return onPolicy(policy, `spec.egress.hosts[${index}]`, {
        ...{ severity: 'warning', code: 'ShadowedEgressHost' },
        message: `never looked at: hosts[${at}], ${earlier.host} with tls: ${earlier.tls}, comes first and takes all of it`,
        fix: `move it above hosts[${at}]`,
      });
    });
  });
}

type Host = ReturnType<typeof compileHosts>[number];

function isTakenBy(host: Host, by: Host): boolean {
  return isHostWithin(host.host, by.host) && coversAll(by.ports, host.ports, (a, b) => a === b);
}

/** Where everything may be reached, a list lets nothing through that would not pass anyway. */
export function listsWithoutEffect(inspection: Inspection): Found[] {
  return inspection.policies.flatMap((policy) => {
    const { hosts } = policy.spec.egress ?? {};
    if (hosts === undefined || hosts.some(({ tls }) => tls === 'Originate')) return [];
    const modes = inspection.proxiesOf(policy).map(({ compiled }) => compiled.config.egress?.mode);
    if (modes.length === 0 || modes.includes('AllowListed')) return [];
    return onPolicy(policy, 'spec.egress.hosts', {
      ...{ severity: 'warning', code: 'EgressListWithoutEffect' },
      message: 'restricts nothing: egress is AllowAll for every pod it is about, so any host may be reached',
      fix: 'write mode: AllowListed beside hosts, or remove hosts',
    });
  });
}

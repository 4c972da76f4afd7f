import type { Finding } from '../../../api/analysis.ts';
import { type Inspection, onPolicy } from './inspection.ts';

const HTTPS = 443;

/** TLS is originated only for what the app says in plaintext, on the port that it dials. */
export function originatedTls({ policies }: Inspection): Finding[] {
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

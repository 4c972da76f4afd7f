import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isNeverCollector } from '../../api/traces-url.ts';

/** What a name stands for may be what may not be named. */
export const lookup: LookupFunction = (hostname, options, done) => {
  systemLookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return done(error, []);
    const addresses = found.filter(({ address }) => !isNeverCollector(address));
    if (addresses.length === 0) return done(new Error('link-local address'), []);
    if (options.all === true) return done(null, addresses);
    done(null, addresses[0]!.address, addresses[0]!.family);
  });
};

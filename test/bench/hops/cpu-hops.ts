import { CANDIDATES, type CandidateName, type Wiring } from '../candidates/candidate.ts';
import { type LoadRequest, SMALL_REQUEST } from '../machine/load.ts';
import { type Basis, measureCpu, PLAINTEXT, type Traffic } from './cpu.ts';
import type { Hop } from './hop.ts';

const CONNECTIONS = 32;
const BODY_CONNECTIONS = 16;
const HANDSHAKE_CONNECTIONS = 8;

const PLAINTEXT_INBOUND: Wiring = { ...PLAINTEXT, side: 'inbound' };
const MTLS_INBOUND: Wiring = { from: 'mtls', to: 'plaintext', side: 'inbound' };
const MTLS_OUTBOUND: Wiring = { from: 'plaintext', to: 'mtls', side: 'outbound' };

const keepAlive = (wiring: Wiring, request: LoadRequest = SMALL_REQUEST): Traffic => ({
  wiring,
  request,
  connections: CONNECTIONS,
  connect: 'once',
});
const POST: LoadRequest = { path: '/', post: 100 };
const bodies = (wiring: Wiring, request: LoadRequest): Traffic => ({
  ...keepAlive(wiring, request),
  connections: BODY_CONNECTIONS,
});
const uploads = (wiring: Wiring, post: number): Traffic =>
  bodies({ ...wiring, uploads: true }, { path: '/', post });
const handshake = (connect: Traffic['connect']): Traffic => ({
  ...keepAlive(MTLS_INBOUND),
  connections: HANDSHAKE_CONNECTIONS,
  connect,
});

/** The basis of nearly all hops. */
export const PLAINTEXT_TRAFFIC = keepAlive(PLAINTEXT);

const PLAIN: Basis = { ratioOf: 'CPU per request, to nginx plaintext' };
const TO_PLAINTEXT: Basis = {
  ...PLAIN,
  traffic: PLAINTEXT_TRAFFIC,
};
const TO_POST: Basis = { ...TO_PLAINTEXT, traffic: keepAlive(PLAINTEXT, POST) };
const OWN: Basis = { ratioOf: 'CPU per request, to nginx on this hop' };
const BYTES: Basis = { ratioOf: 'bytes per CPU second, to nginx on this hop' };

const DOWN_64K: LoadRequest = { path: '/64k', post: 0 };
const DOWN_1M: LoadRequest = { path: '/1m', post: 0 };
const KIB = 1024;

/** On hops that only vary a main one, http-proxy says nothing new and takes its time. */
const NATIVE_AND_WEFT = CANDIDATES.filter((name) => name !== 'http-proxy');

/** Hops whose figure is CPU time, in the order of the report. */
export const CPU_HOPS: readonly Hop[] = [
  cpuHop('plaintext', 'GET, 100 bytes back; Weft outbound', keepAlive(PLAINTEXT), PLAIN, CANDIDATES),
  cpuHop('plaintext-inbound', 'the same; Weft inbound', keepAlive(PLAINTEXT_INBOUND), TO_PLAINTEXT),
  cpuHop('plaintext-post', 'POST of 100 bytes, 100 back; Weft outbound', keepAlive(PLAINTEXT, POST), PLAIN),
  cpuHop('mtls-inbound', 'mTLS in, plaintext out', keepAlive(MTLS_INBOUND), TO_PLAINTEXT, CANDIDATES),
  cpuHop('mtls-outbound', 'plaintext in, mTLS out', keepAlive(MTLS_OUTBOUND), TO_PLAINTEXT, CANDIDATES),
  cpuHop('mtls-inbound-post', 'mTLS in, POST of 100 bytes', keepAlive(MTLS_INBOUND, POST), TO_POST),
  cpuHop('mtls-outbound-post', 'mTLS out, POST of 100 bytes', keepAlive(MTLS_OUTBOUND, POST), TO_POST),
  cpuHop('body-64k', 'response bodies of 64 KiB, plaintext', bodies(PLAINTEXT, DOWN_64K), BYTES, CANDIDATES),
  cpuHop('body-1m', 'response bodies of 1 MiB, plaintext', bodies(PLAINTEXT, DOWN_1M), BYTES, CANDIDATES),
  cpuHop('body-64k-mtls', 'response bodies of 64 KiB, mTLS inbound', bodies(MTLS_INBOUND, DOWN_64K), BYTES),
  cpuHop('body-1m-mtls', 'response bodies of 1 MiB, mTLS inbound', bodies(MTLS_INBOUND, DOWN_1M), BYTES),
  cpuHop('upload-64k', 'request bodies of 64 KiB, plaintext', uploads(PLAINTEXT, 64 * KIB), BYTES),
  cpuHop('upload-1m', 'request bodies of 1 MiB, plaintext', uploads(PLAINTEXT, 1024 * KIB), BYTES),
  cpuHop('upload-1m-mtls', 'request bodies of 1 MiB, mTLS inbound', uploads(MTLS_INBOUND, 1024 * KIB), BYTES),
  cpuHop('handshake-new', 'a new mTLS connection for every request', handshake('each'), OWN, CANDIDATES),
  cpuHop(
    'handshake-resumed',
    'the same, and the client resumes its sessions',
    handshake('each, resumed'),
    OWN,
    CANDIDATES,
  ),
];

function cpuHop(
  name: string,
  what: string,
  traffic: Traffic,
  basis: Basis,
  candidates: readonly CandidateName[] = NATIVE_AND_WEFT,
): Hop {
  return { name, what, traffic, measure: (bench) => measureCpu(bench, name, traffic, basis, candidates) };
}

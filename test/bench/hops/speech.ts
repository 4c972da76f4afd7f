import type { CandidateName, Wiring } from '../candidates/candidate.ts';
import { SMALL_REQUEST } from '../machine/load.ts';
import { type Basis, measureCpu, PLAINTEXT, type Traffic } from './cpu.ts';
import { PLAINTEXT_TRAFFIC } from './cpu-hops.ts';
import type { Hop } from './hop.ts';

/** What is spoken that is not HTTP/1.1. */

const H2_CONNECTIONS = 4;
const STREAMS = 8;
const TCP_CONNECTIONS = 4;

const wirings = (speaks: Wiring['speaks']) => {
  const speech = speaks === undefined ? {} : { speaks };
  return {
    outbound: { ...PLAINTEXT, ...speech },
    inbound: { ...PLAINTEXT, side: 'inbound', ...speech },
    mtlsOutbound: { from: 'plaintext', to: 'mtls', side: 'outbound', ...speech },
    mtlsInbound: { from: 'mtls', to: 'plaintext', side: 'inbound', ...speech },
  } as const satisfies Record<string, Wiring>;
};
const H2 = wirings('h2');
const TCP = wirings('tcp');

const requests = (wiring: Wiring, grpc = false): Traffic => ({
  ...{ wiring, request: SMALL_REQUEST, connections: H2_CONNECTIONS, connect: 'once' },
  h2: { streams: STREAMS, grpc },
});
const calls = (wiring: Wiring): Traffic => requests(wiring, true);
/** @param post bytes go up */
const bytes = (wiring: Wiring, post = 0): Traffic => ({
  ...{ wiring, request: { path: '/', post }, connections: TCP_CONNECTIONS, connect: 'once' },
});

const TO_HTTP1: Basis = { ratioOf: 'CPU per request, to nginx plaintext', traffic: PLAINTEXT_TRAFFIC };
const TO_HAPROXY: Basis = { ratioOf: 'bytes per CPU second, to HAProxy on this hop', candidate: 'haproxy' };

export const H2_HOPS: readonly Hop[] = [
  hop(
    'h2-outbound',
    'HTTP/2, 4 connections of 8 requests, 100 bytes back; Weft outbound',
    requests(H2.outbound),
    TO_HTTP1,
  ),
  hop('h2-inbound', 'the same; Weft inbound', requests(H2.inbound), TO_HTTP1),
  hop('h2-mtls-outbound', 'HTTP/2, plaintext in, mTLS out', requests(H2.mtlsOutbound), TO_HTTP1),
  hop('h2-mtls-inbound', 'HTTP/2, mTLS in, plaintext out', requests(H2.mtlsInbound), TO_HTTP1),
  hop('h2-grpc-outbound', 'unary gRPC calls of 100 bytes; Weft outbound', calls(H2.outbound), TO_HTTP1),
  hop('h2-grpc-inbound', 'the same; Weft inbound', calls(H2.inbound), TO_HTTP1),
  hop('h2-grpc-mtls-outbound', 'unary gRPC, plaintext in, mTLS out', calls(H2.mtlsOutbound), TO_HTTP1),
  hop('h2-grpc-mtls-inbound', 'unary gRPC, mTLS in, plaintext out', calls(H2.mtlsInbound), TO_HTTP1),
];

export const TCP_HOPS: readonly Hop[] = [
  hop(
    'tcp-down',
    'opaque bytes to the client, 4 connections; Weft outbound',
    bytes(TCP.outbound),
    TO_HAPROXY,
  ),
  hop('tcp-up', 'opaque bytes to the server; Weft outbound', bytes(TCP.outbound, 1), TO_HAPROXY),
  hop('tcp-inbound', 'opaque bytes to the client; Weft inbound', bytes(TCP.inbound), TO_HAPROXY),
  hop('tcp-mtls-outbound', 'the same, plaintext in, mTLS out', bytes(TCP.mtlsOutbound), TO_HAPROXY),
  hop('tcp-mtls-inbound', 'the same, mTLS in, plaintext out', bytes(TCP.mtlsInbound), TO_HAPROXY),
];

/** nginx speaks neither to an upstream. */
function hop(name: string, what: string, traffic: Traffic, basis: Basis): Hop {
  const candidates: readonly CandidateName[] = ['haproxy', 'weft'];
  return { name, what, traffic, measure: (bench) => measureCpu(bench, name, traffic, basis, candidates) };
}

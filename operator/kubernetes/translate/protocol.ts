import type { Protocol } from '../../../api/proxy-config.ts';

/**
 * The protocol an `appProtocol` declares; undefined where it says nothing the mesh knows, and then who speaks
 * first decides. TLS is opaque to the mesh, as are databases: both are TCP.
 * Source: https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
 */
export function protocolOf(appProtocol: string | undefined): Protocol | undefined {
  return appProtocol === undefined ? undefined : PROTOCOLS.get(appProtocol.toLowerCase());
}

const PROTOCOLS = new Map<string, Protocol>([
  ['http', 'HTTP'],
  ['http/1.1', 'HTTP'],
  ['grpc-web', 'HTTP'],
  ['kubernetes.io/ws', 'HTTP'],
  ['ws', 'HTTP'],
  ['http2', 'HTTP2'],
  ['h2c', 'HTTP2'],
  ['kubernetes.io/h2c', 'HTTP2'],
  ['grpc', 'GRPC'],
  ['kubernetes.io/grpc', 'GRPC'],
  ['kubernetes.io/wss', 'TCP'],
  ['wss', 'TCP'],
  ['https', 'TCP'],
  ['tls', 'TCP'],
  ['tcp', 'TCP'],
  ['mysql', 'TCP'],
  ['postgres', 'TCP'],
  ['postgresql', 'TCP'],
  ['redis', 'TCP'],
  ['mongo', 'TCP'],
  ['amqp', 'TCP'],
  ['kafka', 'TCP'],
  ['smtp', 'TCP'],
]);

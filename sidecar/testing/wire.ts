import net, { type AddressInfo, type Server, type Socket } from 'node:net';

/** A TCP server on a free loopback port, closed with everything it accepted. */
export interface TestServer {
  readonly port: number;
  readonly accepted: Socket[];
  close(): Promise<void>;
}

export async function serve(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const accepted: Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await listening(server);
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of accepted) socket.destroy();
      }),
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}

/** An HTTP/1.1 server by hand: answers each request head (of requests without body) with what `respond` returns. */
export function serveHttp(
  respond: (head: string, socket: Socket) => string | undefined,
): Promise<TestServer> {
  return serve((socket) => {
    let text = '';
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        const response = respond(head, socket);
        if (response !== undefined) socket.write(response, 'latin1');
      }
    });
  });
}

export const ok = (body: string, more = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

/** A relay that keeps every byte that passes, in both directions. */
export async function record(
  targetPort: () => number,
): Promise<TestServer & { readonly bytes: () => Buffer }> {
  const seen: Buffer[] = [];
  const server = await serve((socket) => {
    const upstream = net.connect({ port: targetPort(), host: '127.0.0.1', allowHalfOpen: true });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    for (const side of [socket, upstream]) side.on('data', (bytes: Buffer) => seen.push(bytes));
    socket.pipe(upstream);
    upstream.pipe(socket);
  });
  return { ...server, bytes: () => Buffer.concat(seen) };
}

export function connect(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** Everything the socket says until it closes or ends. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const done = () => resolve(Buffer.concat(parts).toString('latin1'));
    socket.on('data', (bytes: Buffer) => parts.push(bytes));
    socket.once('end', done);
    socket.once('close', done);
  });
}

/** Reads until the text contains `wanted`; rejects when the connection closes before. */
export function readUntil(socket: Socket, wanted: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onClose = () =>
      reject(new Error(`closed before ${JSON.stringify(wanted)}; got ${JSON.stringify(text)}`));
    const onData = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!text.includes(wanted)) return;
      socket.off('data', onData).off('close', onClose).off('end', onClose);
      resolve(text);
    };
    socket.on('data', onData).once('close', onClose).once('end', onClose);
  });
}

/** One connection: writes, half-closes if told to, and returns everything that came back. */
export async function talk(port: number, text: string, end = false): Promise<string> {
  const socket = await connect(port);
  const answer = readAll(socket);
  if (end) socket.end(text, 'latin1');
  else socket.write(text, 'latin1');
  const all = await answer;
  socket.destroy();
  return all;
}

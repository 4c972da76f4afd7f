import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { goBinary } from '../conformance/go-binary.ts';

/** The program of go-peer/: client and server of Go's standard library. */
export const goPeer = (): Promise<string> =>
  goBinary('peer', new URL('go-peer/', import.meta.url), ['go.mod', 'main.go']);

/** HTTP/1.1 and HTTP/2 on one port. */
export async function startGoServer(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const child = spawn(await goPeer(), ['server'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    port: Number(port),
    stop: async () => {
      const exited = once(child, 'exit');
      child.stdin.end();
      await exited;
    },
  };
}

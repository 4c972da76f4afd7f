import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

const FILES = ['config.json', 'tls.crt', 'tls.key', 'ca.crt'];
const SYNC_MS = 100;

/** Mounts the files of one proxy elsewhere, as the kubelet does a Secret: whole, swapped by one link, and late. */
export class Kubelet {
  readonly #from: string;
  readonly #to: string;
  readonly #controlPlane: string;
  #mounted = '';
  #version = 0;
  #isCut = false;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> = Promise.resolve();

  /** @param controlPlane host:port that the mounted configuration has instead of its own */
  constructor(from: string, to: string, controlPlane: string) {
    this.#from = from;
    this.#to = to;
    this.#controlPlane = controlPlane;
  }

  async start(): Promise<void> {
    await mkdir(this.#to, { recursive: true });
    while (this.#mounted === '') await this.#sync();
    this.#timer = setInterval(() => {
      if (!this.#isCut) this.#syncing = this.#syncing.then(() => this.#sync());
    }, SYNC_MS);
  }
  cut(): void {
    this.#isCut = true;
  }
  restore(): void {
    this.#isCut = false;
  }
  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.#syncing;
  }

  async #sync(): Promise<void> {
    const texts = await Promise.all(FILES.map((file) => readFile(join(this.#from, file), 'utf8'))).catch(
      () => [],
    );
    const all = texts.join();
    // read while it was swapped: the next look finds it whole
    if (texts.length < FILES.length || all === this.#mounted) return;
    const again = await Promise.all(FILES.map((file) => readFile(join(this.#from, file), 'utf8'))).catch(
      () => [],
    );
    if (again.join() !== all) return;
    this.#version += 1;
    const name = `..${this.#version}`;
    await mkdir(join(this.#to, name));
    await Promise.all(
      texts.map((text, index) => writeFile(join(this.#to, name, FILES[index]!), this.#redirect(text))),
    );
    await symlink(name, join(this.#to, '..data_tmp'));
    await rename(join(this.#to, '..data_tmp'), join(this.#to, '..data'));
    if (this.#version > 1)
      await rm(join(this.#to, `..${this.#version - 1}`), { recursive: true, force: true });
    this.#mounted = all;
  }

  #redirect(text: string): string {
    if (!text.startsWith('{')) return text;
    const config = JSON.parse(text) as { controlPlane: { address: string } };
    config.controlPlane.address = this.#controlPlane;
    return JSON.stringify(config);
  }
}

/** One sidecar's way to the control plane. */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  static async start(toPort: number): Promise<Relay> {
    const relay = new Relay(toPort);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  private constructor(toPort: number) {
    this.#server = createServer((socket) => {
      if (this.#isCut) return void socket.destroy();
      const other = connect(toPort, '127.0.0.1');
      for (const [each, peer] of [
        [socket, other],
        [other, socket],
      ] as const) {
        this.#sockets.add(each);
        each.on('error', () => {});
        each.on('close', () => {
          this.#sockets.delete(each);
          peer.destroy();
        });
        each.pipe(peer);
      }
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }
  restore(): void {
    this.#isCut = false;
  }
  close(): void {
    this.cut();
    this.#server.close();
  }
}

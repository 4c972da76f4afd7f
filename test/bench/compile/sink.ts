import { EventEmitter } from 'node:events';

/** Stands for the HTTP/2 stream of one sidecar: what is written is counted, and gone. */
export class Sink extends EventEmitter {
  readonly writable = true;
  readonly destroyed = false;
  readonly headersSent = false;
  readonly #written: Written;

  constructor(written: Written) {
    super();
    this.#written = written;
  }

  write(line: string): boolean {
    this.#written.bytes += line.length;
    if (line.startsWith('{"type":"config"')) this.#written.configs += 1;
    else if (line.startsWith('{"type":"destination"')) this.#written.destinations += 1;
    return true;
  }
  respond(): void {}
  end(): void {}
  close(): void {}
  destroy(): void {}
  receive(message: object): void {
    this.emit('data', Buffer.from(`${JSON.stringify(message)}\n`));
  }
}

/** Lines to all sidecars. */
export interface Written {
  configs: number;
  destinations: number;
  bytes: number;
}

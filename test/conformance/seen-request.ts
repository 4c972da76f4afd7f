import { createHash } from 'node:crypto';

/** A request as one party understood it. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** SHA-256 of the body, hexadecimal */
  readonly body: string;
}

export const digestOf = (body: Buffer | string): string =>
  createHash('sha256')
    .update(typeof body === 'string' ? Buffer.from(body, 'latin1') : body)
    .digest('hex');

/** A real HTTP server that keeps a record of what it understood. */
export interface Backend {
  readonly name: string;
  readonly port: number;
  /** Every complete request recorded so far, in the order they came. */
  seen(): Promise<readonly SeenRequest[]>;
  stop(): Promise<void>;
}

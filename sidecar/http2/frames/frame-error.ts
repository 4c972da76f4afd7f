import { broken, H2_ERROR } from '../error-codes.ts';

/** A frame that nobody may send there. */
export function refuse(rule: string, message: string): never {
  return broken(H2_ERROR.protocol, rule, message);
}

/** A frame of a size its type does not have. */
export function tooShort(): never {
  return broken(H2_ERROR.frameSize, 'RFC 9113 4.2', 'frame of a size its type does not have');
}

import { FRAME, FRAME_HEADER_BYTES } from './frame-types.ts';

/** Whether these first bytes of a server are of HTTP/2: a SETTINGS frame of the connection (RFC 9113 3.4). */
export function beginsHttp2(bytes: Buffer): boolean {
  if (bytes.length < FRAME_HEADER_BYTES || bytes[3] !== FRAME.settings) return false;
  return bytes.readUIntBE(0, 3) % SETTING_BYTES === 0 && bytes[4] === 0 && bytes.readUInt32BE(5) === 0;
}

/** RFC 9113 6.5.1 */
const SETTING_BYTES = 6;

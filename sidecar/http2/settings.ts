import { broken, H2_ERROR } from './error-codes.ts';
import { MAX_FRAME_BYTES, readUint32 } from './frames/frame-types.ts';
import { INITIAL_TABLE_BYTES } from './hpack/encoder.ts';

/** RFC 9113 6.5.2, RFC 8441 3. */
export const SETTING = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const;

export const INITIAL_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 0x7fff_ffff;
const SETTING_BYTES = 6;
/** More than exist; a peer may repeat some. */
const MAX_SETTINGS = 64;

/** What the peer said about itself; until then, what the RFC says it means by nothing. */
export class PeerSettings {
  headerTableBytes = INITIAL_TABLE_BYTES;
  maxConcurrentStreams = Number.POSITIVE_INFINITY;
  initialWindowBytes = INITIAL_WINDOW_BYTES;
  maxFrameBytes = MAX_FRAME_BYTES;
  enableConnectProtocol = false;

  /** A SETTINGS frame's payload. Throws ConnectionError. */
  read(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_SETTINGS * SETTING_BYTES) {
      broken(H2_ERROR.enhanceYourCalm, 'RFC 9113 10.5', 'too many settings');
    }
    for (let at = start; at < end; at += SETTING_BYTES) {
      this.#set((bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2));
    }
  }

  #set(setting: number, value: number): void {
    switch (setting) {
      case SETTING.headerTableSize:
        this.headerTableBytes = value;
        break;
      case SETTING.enablePush:
        if (value > 1) refuse('ENABLE_PUSH');
        break;
      case SETTING.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case SETTING.initialWindowSize:
        if (value > MAX_WINDOW_BYTES) broken(H2_ERROR.flowControl, 'RFC 9113 6.5.2', 'window too large');
        this.initialWindowBytes = value;
        break;
      case SETTING.maxFrameSize:
        if (value < MAX_FRAME_BYTES || value > 0xff_ffff) refuse('MAX_FRAME_SIZE');
        this.maxFrameBytes = value;
        break;
      case SETTING.enableConnectProtocol:
        if (value > 1 || (value === 0 && this.enableConnectProtocol)) refuse('ENABLE_CONNECT_PROTOCOL');
        this.enableConnectProtocol = value === 1;
        break;
    }
  }
}

function refuse(name: string): never {
  return broken(H2_ERROR.protocol, 'RFC 9113 6.5.2', `SETTINGS_${name} has a value it cannot have`);
}

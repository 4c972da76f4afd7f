import { FRAME_HEADER_BYTES, readUint31 } from './frame-types.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** A frame's bytes. `payload` as hex when it is text. */
export function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload;
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, body]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** All whole frames in `bytes`, by the plainest code there is. */
export function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + FRAME_HEADER_BYTES <= bytes.length; ) {
    const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    const payload = Buffer.from(bytes.subarray(at + FRAME_HEADER_BYTES, end));
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      streamId: readUint31(bytes, at + 5),
      payload,
    });
    at = end;
  }
  return frames;
}

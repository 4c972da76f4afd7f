import { createRequire } from 'node:module';

/** getsockopt(2). `value` and `length` are filled; 0: done. */
export type GetSockOpt = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number;

/** Loads koffi, which takes memory: when it is needed, and not before. */
export function loadGetSockOpt(): GetSockOpt {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const libc = koffi.load(null as unknown as string);
  return libc.func(
    'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint8_t *length)',
  );
}

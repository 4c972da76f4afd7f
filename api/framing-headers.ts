/** Fields that say where a message ends, which hop it is on or whose it is: not for a policy to change. Lower case. */
export const FRAMING_HEADERS: readonly string[] = [
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What a Date can hold. */
const MAX_MS = 8.64e15;

/** `2026-03-01T10:20:30Z`; whatever number a sidecar said. */
export function timeOf(ms: number): string {
  const bounded = Math.max(-MAX_MS, Math.min(MAX_MS, Math.trunc(ms)));
  return new Date(bounded).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `20 s`, `14 min`, `3 h` */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

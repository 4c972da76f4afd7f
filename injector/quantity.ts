/**
 * Kubernetes quantities (k8s.io/apimachinery/pkg/api/resource): a decimal number and a suffix. Values are
 * compared, never computed with, so a floating-point number is exact enough.
 */
const PATTERN = /^(\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?$/;
const DECIMAL: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

/** Cores or bytes; undefined: not a quantity above zero. */
export function parseQuantity(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * factor(match[2] ?? '');
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

function factor(suffix: string): number {
  if (suffix === '') return 1;
  if (suffix.endsWith('i')) return 1024 ** ('KMGTPE'.indexOf(suffix.charAt(0)) + 1);
  return DECIMAL[suffix] ?? 10 ** Number(suffix.slice(1));
}

const FACTORS: Readonly<Record<string, number>> = {
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
};

/**
 * Bytes of a size as policies write it (a number, or `64Ki`, `10M`: a Kubernetes quantity without fractions), at
 * most Number.MAX_SAFE_INTEGER; NaN for anything else.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function quantityBytes(size: number | string): number {
  const match = /^([0-9]{1,12})(Ki|Mi|Gi|k|M|G)?$/.exec(String(size));
  if (match === null) return Number.NaN;
  const factor = match[2] === undefined ? 1 : FACTORS[match[2]]!;
  return Math.min(Number(match[1]) * factor, Number.MAX_SAFE_INTEGER);
}

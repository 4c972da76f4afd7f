const HIDDEN = 'hidden';
/** of a JSON Web Key, what names it; the rest is its numbers (RFC 7517 section 4) */
const KEY_FIELDS = ['kty', 'kid', 'alg', 'use', 'crv'];

/** Of a key set, a collector, a health check: some want a token there. */
const WITH_QUERY = /^(https?:\/\/[^?]*|\/[^?]*)\?.*$/s;
const URL_FIELDS = ['jwksUri', 'endpoint', 'path'];

/**
 * A configuration as it may be shown to others: values of headers, query parameters and claims, which may be
 * credentials, and the numbers of keys are left out; names stay. Pure.
 */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  if ('kty' in value) {
    return Object.fromEntries(Object.entries(value).filter(([name]) => KEY_FIELDS.includes(name)));
  }
  const isNamed = 'name' in value;
  const shown = (key: string, each: unknown) =>
    typeof each === 'string' && URL_FIELDS.includes(key)
      ? each.replace(WITH_QUERY, `$1?${HIDDEN}`)
      : withoutSecrets(each);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      isNamed && (key === 'value' || key === 'values') ? HIDDEN : shown(key, each),
    ]),
  );
}

import { type TObject, type TProperties, type TSchema, Type } from 'typebox';
import { durationMs } from '../duration.ts';
import { type Rule, withRules } from './rules.ts';

/** The scalars and lists that MeshPolicy is made of. Everything has a bound, which also keeps CEL cheap. */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = `(${OCTET}\\.){3}${OCTET}`;
/** A path segment that is neither `.` nor `..`, in characters a normalised path may have. */
const ENCODED = '%[0-9A-Fa-f]{2}';
const PATH_CHARACTER = `(${ENCODED}|[^%/?#\\s\\\\])`;
const SEGMENT = `(\\.{0,2}(${ENCODED}|[^.%/?#\\s\\\\])${PATH_CHARACTER}*|\\.{3}${PATH_CHARACTER}*)`;

/** What each pattern asks for, in words: used where a value is refused. */
export const PATTERN_WORDS: Readonly<Record<string, string>> = {};

function pattern(source: string, words: string): string {
  (PATTERN_WORDS as Record<string, string>)[source] = words;
  return source;
}

export const PATTERNS = {
  duration: pattern('^([0-9]{1,5}(h|m|s|ms)){1,4}$', 'a duration such as 250ms, 2s or 1m30s'),
  quantity: pattern('^[0-9]{1,12}(Ki|Mi|Gi|k|M|G)?$', 'a size such as 64Ki, 10Mi or 1048576'),
  label: pattern(`^${LABEL}$`, 'a lower-case name such as web-reads'),
  subdomain: pattern(`^${SUBDOMAIN}$`, 'a lower-case DNS name such as web.example'),
  serviceAccount: pattern(`^(\\*|${SUBDOMAIN})$`, 'the name of a service account, or "*" for any'),
  port: pattern(
    '^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$',
    'a port number from 1 to 65535 or the name of a port',
  ),
  labelValue: pattern('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$', 'a label value'),
  spiffeId: pattern(
    '^spiffe://[a-z0-9._-]{1,255}(/[a-zA-Z0-9._-]+)+$',
    'a SPIFFE ID such as spiffe://cluster.local/ns/shop/sa/web',
  ),
  ipBlock: pattern(
    `^(${IPV4}/(3[0-2]|[12]?[0-9])|([0-9a-fA-F]{0,4}:){2,8}([0-9a-fA-F]{0,4}|${IPV4})/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$`,
    'an address block in CIDR form such as 10.0.0.0/8 or fd00::/8; one address is 10.1.2.3/32',
  ),
  method: pattern('^[A-Z][A-Z0-9_-]{0,31}$', 'an HTTP method in capitals such as GET'),
  path: pattern(
    `^(/|(/${SEGMENT})+/?)$`,
    'a path that starts with "/" and has no empty, "." or ".." segment, no query and no backslash',
  ),
  host: pattern(`^(\\*\\.)?${SUBDOMAIN}$`, 'a lower-case host name such as api.example.com or *.example.com'),
  headerName: pattern("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", 'an HTTP header name such as x-user'),
  headerValue: pattern('^[^\\x00-\\x08\\x0a-\\x1f\\x7f]+$', 'a header value without control characters'),
  grpcName: pattern('^[A-Za-z_][A-Za-z0-9_.]*$', 'a gRPC name such as pay.Api or Get'),
  healthService: pattern('^[\\x21-\\x7e]+$', 'a name without spaces such as shop.Orders'),
  url: pattern('^https?://[^\\s/?#@]+(/[^\\s?#]*)?$', 'a URL such as http://collector:4318'),
  httpsUrl: pattern('^https://[^\\s/?#@]+(/[^\\s#]*)?$', 'an https:// URL'),
} as const;

export const text = (patternSource: string, maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: patternSource, description });

export const name = (description: string) => text(PATTERNS.label, 63, description);
export const namespaceName = (description: string) => text(PATTERNS.label, 63, description);
export const headerName = (description: string) => text(PATTERNS.headerName, 256, description);
export const path = (description: string) => text(PATTERNS.path, 1024, description);
export const host = (description: string) => text(PATTERNS.host, 253, description);
/** One host, not a pattern of many. */
export const oneHost = (description: string) => text(PATTERNS.subdomain, 253, description);
export const method = (description: string) => text(PATTERNS.method, 32, description);

/** Gateway API duration: https://gateway-api.sigs.k8s.io/geps/gep-2257/ */
export const duration = (description: string) => text(PATTERNS.duration, 32, description);
export const positiveDuration = (description: string) =>
  withRules(duration(description), [
    {
      cel: "duration(self) > duration('0s')",
      message: 'must be longer than 0s',
      holds: (value) => durationMs(value) > 0,
    },
  ]);

export const integer = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description });
export const count = (description: string) => integer(1, 1_000_000, description);
export const percent = (description: string) => integer(0, 100, description);
export const portNumber = (description: string) => integer(1, 65535, description);

/** A whole number of bytes, or text with a unit. A Kubernetes quantity without fractions. */
export const quantity = (description: string) =>
  intOrString({
    minimum: 0,
    maximum: 999_999_999_999,
    maxLength: 14,
    pattern: PATTERNS.quantity,
    description,
  });
export const portNameOrNumber = (description: string) =>
  intOrString({ minimum: 1, maximum: 65535, maxLength: 15, pattern: PATTERNS.port, description });

function intOrString(options: Record<string, unknown>) {
  return Type.Unsafe<number | string>({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    ...options,
  });
}

/** An object without unknown fields. */
export const closed = <P extends TProperties>(properties: P, description: string): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, description });

/** A list that a merge replaces as a whole. Absent means any: an empty one is a mistake. */
export const list = <S extends TSchema>(item: S, maxItems: number, description: string) =>
  Type.Array(item, { minItems: 1, maxItems, description, 'x-kubernetes-list-type': 'atomic' });

/** A list of scalars without repetitions. */
export const set = <S extends TSchema>(item: S, maxItems: number, description: string) =>
  Type.Array(item, { minItems: 1, maxItems, description, 'x-kubernetes-list-type': 'set' });

/** A list of objects with unique names, which server-side apply merges by name. */
export const named = <S extends TSchema>(item: S, maxItems: number, description: string) =>
  Type.Array(item, {
    minItems: 1,
    maxItems,
    description,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });

/** A union's rule: `field` is there exactly when `type` (or another discriminator) has this value. */
export function only(value: string, field: string, example: string, discriminator = 'type'): Rule<object> {
  return {
    cel: `(self.${discriminator} == '${value}') == has(self.${field})`,
    message: `${discriminator}: ${value} needs ${field} and no other ${discriminator} takes it: write {${discriminator}: ${value}, ${field}: ${example}}`,
    holds: (union) => {
      const fields = union as Record<string, unknown>;
      return (fields[discriminator] === value) === (fields[field] !== undefined);
    },
  };
}

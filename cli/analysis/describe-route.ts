import type { Route } from '../../api/mesh-policy.ts';
import { flow } from './flow.ts';

type Match = NonNullable<Route['match']>[number];
type Backend = NonNullable<Route['backends']>[number];

/** `GET /v2/** → payments{version=v2} 10 %, payments 90 %; timeout {request: 2s}` */
export function describeRoute({ name: _name, match, backends, mirror, redirect, ...others }: Route): string {
  const what = match === undefined ? 'every request' : match.map(describeMatch).join(' or ');
  const where = redirect === undefined ? describeBackends(backends) : `redirect ${flow(redirect)}`;
  const rest = Object.entries(others).map(([field, value]) => `${field} ${flow(value)}`);
  const copies = mirror && `mirror ${mirror.percent ?? 100} % to ${mirror.service}`;
  return [`${what} → ${where}`, ...(copies ? [copies] : []), ...rest].join('; ');
}

function describeMatch({ path, methods = [], headers = [], queryParams = [], from = [] }: Match): string {
  const parts = [
    methods.join('|'),
    path === undefined
      ? ''
      : {
          Exact: path.value,
          PathPrefix: `${path.value.replace(/\/$/, '')}/**`,
          RegularExpression: `~${path.value}`,
        }[path.type],
    ...headers.map(
      ({ name, value, type }) => `${name}${type === 'RegularExpression' ? ' ~ ' : ': '}${value}`,
    ),
    ...queryParams.map(({ name, value }) => `?${name}=${value}`),
    from.length === 0 ? '' : `from ${from.map(flow).join(' or ')}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function describeBackends(backends: readonly Backend[] | undefined): string {
  if (backends === undefined) return 'the Service itself';
  const sum = backends.reduce((total, { weight = 1 }) => total + weight, 0);
  return backends.map((each) => `${describeBackend(each)}${shareOf(each, sum, backends.length)}`).join(', ');
}

function describeBackend({ service, namespace, port, selector }: Backend): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([label, value]) => `${label}=${value}`);
  const name = namespace === undefined ? service : `${namespace}/${service}`;
  return `${name}${port === undefined ? '' : `:${port}`}${labels.length === 0 ? '' : `{${labels.join(',')}}`}`;
}

function shareOf({ weight = 1 }: Backend, sum: number, count: number): string {
  return count === 1 ? '' : ` ${Math.round((weight * 1000) / sum) / 10} %`;
}

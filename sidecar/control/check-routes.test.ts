import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../../api/destination-traffic.ts';
import { routesProblem } from './check-routes.ts';

const own = { endpoints: [], key: 'k', name: 'n', namespace: 's', version: { hash: 'h', policies: {} } };
const problemOf = (route: Partial<DestinationRoute>) =>
  routesProblem({ ...own, traffic: { routes: [{ name: 'route', ...route }] } });

for (const [what, route, problem] of [
  ['a backend that is not there', { backends: [{ backend: 0, weight: 1 }] }, 'no backend 0'],
  ['a mirror that is not there', { mirror: { backend: 3, percent: 1 } }, 'no backend 3'],
  ['weights that sum to 0', { backends: [{ backend: -1, weight: 0 }] }, 'sum to 0'],
  [
    'a path with a malformed encoding',
    { rewrite: { path: { type: 'ReplaceFullPath', value: '/%zz' } } },
    'malformed percent-encoding',
  ],
] as const) {
  test(`routes with ${what} are refused, with the route's name`, () => {
    assert.match(
      problemOf(route as Partial<DestinationRoute>) ?? '',
      new RegExp(`route route: .*${problem}`),
    );
  });
}

test('routes that lead somewhere are fine, and so is a destination without any', () => {
  assert.equal(problemOf({ backends: [{ backend: -1, weight: 1 }] }), undefined);
  assert.equal(routesProblem(own), undefined);
});

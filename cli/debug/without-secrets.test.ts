import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutSecrets } from './without-secrets.ts';

describe('what is shown of a configuration', () => {
  it('has the names of headers, parameters and claims, and not their values', () => {
    const headers = [{ name: 'authorization', value: 'Bearer abc' }];
    const claims = [{ name: 'role', values: ['admin'] }];
    assert.deepEqual(
      withoutSecrets({ rules: [{ name: 'r', to: [{ headers }], when: { jwt: { claims } } }] }),
      {
        rules: [
          {
            name: 'r',
            to: [{ headers: [{ name: 'authorization', value: 'hidden' }] }],
            when: { jwt: { claims: [{ name: 'role', values: 'hidden' }] } },
          },
        ],
      },
    );
  });

  it('has of a key what names it', () => {
    const keys = [{ kty: 'oct', kid: 'one', alg: 'HS256', k: 'c2VjcmV0' }];
    assert.deepEqual(withoutSecrets({ keys }), { keys: [{ kty: 'oct', kid: 'one', alg: 'HS256' }] });
  });

  it('has no query of a URL or a path that is asked for', () => {
    assert.deepEqual(
      withoutSecrets({
        issuers: [{ jwksUri: 'https://id.example/keys?token=abc' }],
        tracing: { endpoint: 'http://collector:4318/v1/traces?key=abc' },
        healthCheck: { path: '/healthz?key=abc' },
        match: { path: { type: 'RegularExpression', value: '/a/?b' } },
      }),
      {
        issuers: [{ jwksUri: 'https://id.example/keys?hidden' }],
        tracing: { endpoint: 'http://collector:4318/v1/traces?hidden' },
        healthCheck: { path: '/healthz?hidden' },
        match: { path: { type: 'RegularExpression', value: '/a/?b' } },
      },
    );
  });

  it('has everything else as it is', () => {
    const value = { a: [1, 'b', null, true], c: { value: 7 }, d: {} };
    assert.deepEqual(withoutSecrets(value), value);
    assert.equal(withoutSecrets(undefined), undefined);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Inbound, PolicyRule } from '../../api/mesh-policy.ts';
import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import {
  compiledWith,
  mandatory,
  overMesh,
  overNamespace,
  overService,
  overWorkload,
  type Said,
} from '../testing/compiled.ts';

const inbound = (said: Inbound): Said => ({ inbound: said });
const rule = (name: string, action: PolicyRule['action']): PolicyRule => ({
  ...{ name, action, from: [{ namespace: 'shop', serviceAccount: name }] },
});
const allow = (...names: string[]): Said =>
  inbound({ authorization: { rules: names.map((name) => rule(name, 'Allow')) } });
const deny = (...names: string[]): Said =>
  inbound({ authorization: { rules: names.map((name) => rule(name, 'Deny')) } });
const byDefault = (value: 'Allow' | 'Deny') => inbound({ authorization: { default: value } });
const port = ({ inbound: { ports } }: ProxyConfig): InboundPort => ports[0]!;
const rules = ({ inbound: { rules: list } }: ProxyConfig) => list.map(({ name }) => name);

describe('mandatory authorization', () => {
  it('with default Deny lets more specific Allow rules allow', () => {
    const { config, conflicts } = compiledWith([
      mandatory(overMesh(byDefault('Deny'))),
      overNamespace(allow('web')),
    ]);
    assert.deepEqual(rules(config), ['web']);
    assert.equal(port(config).authorizationDefault, 'Deny');
    assert.equal(port(config).authorizationDefaultPolicy, 'weft-system/m');
    assert.deepEqual(conflicts, []);
  });

  it('denies what more specific rules allow', () => {
    const { config } = compiledWith([mandatory(overMesh(deny('bot'))), overWorkload(allow('bot'))]);
    assert.deepEqual(
      config.inbound.rules.map(({ name, action }) => [name, action]),
      [
        ['bot', 'Deny'],
        ['bot', 'Allow'],
      ],
    );
  });

  it('with Allow rules keeps them beside the list of the more specific policy', () => {
    const { config, conflicts } = compiledWith([
      mandatory(overMesh(allow('prometheus'))),
      overNamespace(allow('cron')),
      overService(allow('web')),
    ]);
    assert.deepEqual(rules(config).sort(), ['prometheus', 'web']);
    assert.deepEqual(conflicts, []);
  });

  it('with Allow rules denies everybody else, whatever the default of others', () => {
    const { config, conflicts } = compiledWith([
      mandatory(overMesh(allow('prometheus'))),
      overNamespace(byDefault('Allow')),
    ]);
    assert.equal(port(config).authorizationDefault, 'Deny');
    assert.equal(port(config).authorizationDefaultPolicy, 'weft-system/m');
    assert.deepEqual(conflicts, [
      {
        ...{ loser: 'shop/n', winner: 'weft-system/m', field: 'spec.inbound.authorization.default' },
        mandatory: true,
      },
    ]);
  });

  it('with Allow rules and default Allow denies nobody', () => {
    const said = inbound({ authorization: { default: 'Allow', rules: [rule('a', 'Allow')] } });
    const { config } = compiledWith([mandatory(overMesh(said)), overNamespace(byDefault('Allow'))]);
    assert.equal(port(config).authorizationDefault, 'Allow');
  });

  it('with Allow rules on a port keeps them to that port', () => {
    const { config } = compiledWith([
      mandatory(overMesh(allow('prometheus'), 'm', ['admin'])),
      overNamespace(allow('web')),
    ]);
    assert.deepEqual(
      config.inbound.rules.map(({ name, ports }) => [name, ports]),
      [
        ['web', undefined],
        ['prometheus', [9090]],
      ],
    );
  });

  it('is not turned off by the Audit mode of another policy', () => {
    const audited = (said: Inbound['authorization']): Said =>
      inbound({ mtls: { mode: 'Permissive' }, authorization: { ...said, mode: 'Audit' } });
    const held = inbound({
      mtls: { mode: 'Strict' },
      authorization: { default: 'Deny', rules: [rule('bot', 'Deny')] },
    });
    const { config } = compiledWith([
      mandatory(overMesh(held)),
      overWorkload(audited({ default: 'Allow', rules: [rule('all', 'Allow')] })),
    ]);
    assert.equal(port(config).mtls, 'Strict');
    assert.equal(port(config).authorizationDefault, 'Deny');
    assert.deepEqual(
      config.inbound.rules.map(({ name, mode }) => [name, mode]),
      [
        ['bot', 'Enforce'],
        ['all', 'Audit'],
      ],
    );
  });

  it('in Audit mode is tried like any other, and holds nothing', () => {
    const said = inbound({ authorization: { mode: 'Audit', default: 'Deny', rules: [rule('a', 'Allow')] } });
    const { config } = compiledWith([mandatory(overMesh(said)), overNamespace(byDefault('Allow'))]);
    assert.equal(port(config).authorizationDefault, 'Allow');
    assert.deepEqual(config.inbound.rules[0]?.mode, 'Audit');
  });
});

describe('mandatory lists', () => {
  const rate = (name: string) =>
    inbound({ rateLimit: [{ name, requests: 1, per: '1s', key: { type: 'Global' } }] });
  const issuer = (name: string, url: string) =>
    inbound({ jwt: { issuers: [{ name, issuer: url, jwks: { type: 'Inline', inline: '{"keys":[]}' } }] } });

  it('of rate limits apply beside those of the more specific policy', () => {
    const { config } = compiledWith([
      mandatory(overMesh(rate('all'))),
      overNamespace(rate('n')),
      overService(rate('s')),
    ]);
    assert.deepEqual(
      config.inbound.rateLimits?.map(({ policy: by, name }) => [by, name]),
      [
        ['shop/s', 's'],
        ['weft-system/m', 'all'],
      ],
    );
    assert.deepEqual(port(config).rateLimits, [0, 1]);
  });

  it('of issuers are trusted beside those of the more specific policy, on their own terms alone', () => {
    const { config, conflicts, origins } = compiledWith([
      mandatory(overMesh(issuer('staff', 'https://id.example'))),
      overNamespace(issuer('mine', 'https://id.example')),
    ]);
    assert.deepEqual(
      config.inbound.issuers?.map(({ policy: by, name }) => [by, name]),
      [['weft-system/m', 'staff']],
    );
    const field = 'spec.inbound.jwt.issuers';
    assert.deepEqual(conflicts, [{ loser: 'shop/n', winner: 'weft-system/m', field, mandatory: true }]);
    const [origin] = origins.filter(({ path }) => path.startsWith('inbound.jwt'));
    assert.deepEqual(
      origin?.lost.map((each) => each.origin.policy),
      ['shop/n'],
    );
    const others = compiledWith([
      mandatory(overMesh(issuer('staff', 'https://id.example'))),
      overNamespace(issuer('mine', 'https://other.example')),
    ]);
    assert.deepEqual(
      others.config.inbound.issuers?.map(({ name }) => name),
      ['staff', 'mine'],
    );
    assert.deepEqual(others.conflicts, []);
  });
});

describe('mandatory egress', () => {
  const listed = (...names: string[]): Said => ({
    egress: { mode: 'AllowListed', hosts: names.map((host) => ({ host })) },
  });
  const hosts = ({ egress }: ProxyConfig) => egress?.hosts.map(({ host }) => host);

  it('is not widened by more specific lists, and may be narrowed', () => {
    const { config, conflicts, origins } = compiledWith([
      mandatory(overMesh(listed('*.example.com', 'api.other'))),
      overNamespace(listed('evil.test', 'a.example.com')),
    ]);
    assert.deepEqual(hosts(config), ['a.example.com']);
    assert.equal(config.egress?.policy, 'shop/n');
    const field = 'spec.egress.hosts';
    assert.deepEqual(conflicts, [{ loser: 'shop/n', winner: 'weft-system/m', field, mandatory: true }]);
    const origin = origins.find(({ path }) => path === 'egress.hosts');
    assert.equal(origin?.origin?.policy, 'shop/n');
    assert.deepEqual(origin?.lost, [
      {
        origin: { policy: 'shop/n', generation: 1, field },
        value: [{ host: 'evil.test', tls: 'Passthrough' }],
      },
    ]);
  });

  it('holds its mode and its list where a more specific policy allows all', () => {
    const { config } = compiledWith([
      mandatory(overMesh(listed('a.b'))),
      overNamespace({ egress: { mode: 'AllowAll' } }),
    ]);
    assert.deepEqual(config.egress, {
      ...{ mode: 'AllowListed', policy: 'weft-system/m' },
      hosts: [{ host: 'a.b', tls: 'Passthrough' }],
    });
  });

  it('without a list leaves it to others what is listed', () => {
    const { config, conflicts } = compiledWith([
      mandatory(overMesh({ egress: { mode: 'AllowListed' } })),
      overNamespace({ egress: { mode: 'AllowAll', hosts: [{ host: 'a.b' }] } }),
    ]);
    assert.deepEqual(hosts(config), ['a.b']);
    assert.equal(config.egress?.mode, 'AllowListed');
    assert.deepEqual(
      conflicts.map(({ field }) => field),
      ['spec.egress.mode'],
    );
  });

  it('with a list under AllowAll restricts nothing, so the list is replaced like any other', () => {
    const { config } = compiledWith([
      mandatory(overMesh({ egress: { hosts: [{ host: 'a.b', tls: 'Originate' }] } })),
      overNamespace({ egress: { hosts: [{ host: 'c.d' }] } }),
    ]);
    assert.deepEqual(hosts(config), ['c.d']);
  });

  it('of one of two equally specific mandatory policies holds, and the other is told so', () => {
    const { config, conflicts } = compiledWith([
      mandatory(overMesh(listed('a.b'), 'one')),
      mandatory(overMesh(listed('c.d'), 'two')),
    ]);
    assert.deepEqual(hosts(config), ['a.b']);
    assert.deepEqual(conflicts, [
      { loser: 'weft-system/two', winner: 'weft-system/one', field: 'spec.egress.hosts' },
    ]);
  });
});

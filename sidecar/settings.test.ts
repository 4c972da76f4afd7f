import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PROBE_PATH_PREFIX } from '../api/probes.ts';
import { PROBE_PREFIX } from './admin/server.ts';
import { parseHostPort, readSettings } from './settings.ts';

const GOOD = {
  WEFT_PROXY_ID: 'p1',
  WEFT_CONTROL_PLANE: 'weft-operator.weft-system.svc:15010',
  WEFT_CONTROL_PLANE_ID: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator',
};

describe('the settings of a sidecar', () => {
  it('have defaults for everything but the proxy id', () => {
    const settings = readSettings({ WEFT_PROXY_ID: 'p1' });
    assert.equal(settings.proxyDir, '/var/run/weft/proxy');
    assert.equal(settings.stateDir, '/var/lib/weft');
    assert.equal(settings.tokenFile, '/var/run/weft/token/token');
    assert.equal(settings.logLevel, 'info');
    assert.equal(settings.graceMs, 10_000);
    assert.equal(settings.controlPlane, undefined);
    assert.equal(settings.adminAddress, undefined, 'without Kubernetes the configuration says where');
  });

  it('listen on port 15020 of all addresses in Kubernetes', () => {
    const settings = readSettings({ ...GOOD, KUBERNETES_SERVICE_HOST: '10.96.0.1' });
    assert.deepEqual(settings.adminAddress, { host: undefined, port: 15020 });
    const other = readSettings({
      ...GOOD,
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      WEFT_ADMIN_ADDRESS: '[::1]:0',
    });
    assert.deepEqual(other.adminAddress, { host: '::1', port: 0 });
  });

  it('know a control plane when they know both its address and its identity', () => {
    assert.deepEqual(readSettings(GOOD).controlPlane, {
      host: 'weft-operator.weft-system.svc',
      port: 15010,
      spiffeId: GOOD.WEFT_CONTROL_PLANE_ID,
    });
    assert.equal(readSettings({ ...GOOD, WEFT_CONTROL_PLANE_ID: '' }).controlPlane, undefined);
  });

  const bad: [name: string, value: string, reason: RegExp][] = [
    ['WEFT_PROXY_ID', '', /WEFT_PROXY_ID: is required/],
    ['WEFT_PROXY_ID', 'UPPER', /WEFT_PROXY_ID: must be a DNS label/],
    ['WEFT_PROXY_ID', 'a'.repeat(64), /DNS label/],
    ['WEFT_CONTROL_PLANE', 'host', /WEFT_CONTROL_PLANE: must be host:port/],
    ['WEFT_CONTROL_PLANE', 'host:0', /host:port/],
    ['WEFT_CONTROL_PLANE', ':15010', /host:port/],
    ['WEFT_CONTROL_PLANE', 'host:65536', /host:port/],
    ['WEFT_CONTROL_PLANE', 'http://host:1', /host:port/],
    ['WEFT_CONTROL_PLANE_ID', 'operator', /WEFT_CONTROL_PLANE_ID: must be spiffe/],
    ['WEFT_TRUST_BUNDLE', 'x', /WEFT_TRUST_BUNDLE: must be PEM/],
    ['WEFT_LOG_LEVEL', 'loud', /WEFT_LOG_LEVEL: must be one of debug, info, warn, error/],
    ['WEFT_POD_IP', '10.0.0', /WEFT_POD_IP: must be an IP address/],
    ['WEFT_GRACE_SECONDS', '-1', /WEFT_GRACE_SECONDS: must be seconds/],
    ['WEFT_GRACE_SECONDS', '3601', /at most 3600/],
    ['WEFT_PROBES', '{', /WEFT_PROBES: must be JSON/],
    [
      'WEFT_PROBES',
      '{"0123456789abcdef0123/app/liveness":{"tcpSocket":{"port":1}}}',
      /WEFT_POD_IP: is required/,
    ],
  ];
  for (const [name, value, reason] of bad) {
    it(`refuse ${name}=${JSON.stringify(value.slice(0, 20))}`, () => {
      assert.throws(() => readSettings({ ...GOOD, [name]: value }), {
        name: 'InvalidSettings',
        message: reason,
      });
    });
  }

  it('name every problem at once', () => {
    assert.throws(
      () => readSettings({ WEFT_LOG_LEVEL: 'x', WEFT_POD_IP: 'x' }),
      /LOG_LEVEL.*POD_IP.*PROXY_ID/,
    );
  });

  it('read addresses with and without a host', () => {
    assert.deepEqual(parseHostPort('[fd00::1]:80'), { host: 'fd00::1', port: 80 });
    assert.deepEqual(parseHostPort(':80'), { host: undefined, port: 80 });
    for (const text of ['', '80', 'a b:80', 'fd00::1:80', 'a:80:90', '[x]:1']) {
      assert.throws(() => parseHostPort(text), /host:port/, text);
    }
  });

  it('agree with the injector about where probes are', () => {
    assert.equal(PROBE_PREFIX, PROBE_PATH_PREFIX);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseQuantity } from './quantity.ts';
import { readSettings } from './settings.ts';

describe('settings of the injector', () => {
  it('have defaults for all but the image', () => {
    const settings = readSettings({
      WEFT_IMAGE: 'weft:1',
      WEFT_NAMESPACE: 'mesh',
      WEFT_TRUST_DOMAIN: 'a.example',
    });
    assert.deepEqual([settings.port, settings.healthPort], [15443, 15022]);
    assert.equal(settings.trustBundleFile, '/var/run/weft/tls/ca.crt');
    assert.equal(settings.sidecar.controlPlane, 'weft-operator.mesh.svc:15010');
    assert.equal(settings.sidecar.controlPlaneId, 'spiffe://a.example/ns/mesh/sa/weft-operator');
    assert.deepEqual(settings.sidecar.resources, {});
    assert.deepEqual([...settings.sidecar.allowedAnnotations], []);
  });

  it('give the sidecar its finest log level for a finer one', () => {
    const settings = readSettings({ WEFT_IMAGE: 'weft:1', WEFT_SIDECAR_LOG_LEVEL: 'trace' });
    assert.equal(settings.sidecar.logLevel, 'debug');
  });

  const wrong: [Record<string, string>, RegExp][] = [
    [{ WEFT_IMAGE: ' ' }, /^WEFT_IMAGE: /],
    [{ WEFT_PORT: 'x' }, /^WEFT_PORT: "x" is not a number from 0 to 65535/],
    [{ WEFT_HEALTH_PORT: '65536' }, /^WEFT_HEALTH_PORT/],
    [{ WEFT_LOG_LEVEL: 'loud' }, /^WEFT_LOG_LEVEL: "loud" is none of/],
    [{ WEFT_IMAGE_PULL_POLICY: 'never' }, /^WEFT_IMAGE_PULL_POLICY/],
    [{ WEFT_SIDECAR_CPU_LIMIT: 'much' }, /^WEFT_SIDECAR_CPU_LIMIT: "much" is not a quantity/],
    [{ WEFT_CONTROL_PLANE_ID: 'weft-operator' }, /not a SPIFFE ID/],
    [{ WEFT_ALLOWED_ANNOTATIONS: 'image,proxy' }, /weft.dev\/proxy is none of skip-inbound-ports/],
  ];
  for (const [env, expected] of wrong) {
    it(`refuse ${JSON.stringify(env)}`, () =>
      assert.throws(() => readSettings({ WEFT_IMAGE: 'weft:1', ...env }), { message: expected }));
  }
});

describe('quantities', () => {
  const valid: [string, number][] = [
    ['100m', 0.1],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['2', 2],
    ['1.', 1],
    ['64Mi', 67108864],
    ['1Gi', 1073741824],
    ['1k', 1000],
    ['1e3', 1000],
    ['1E', 1e18],
    ['1Ei', 1024 ** 6],
  ];
  for (const [text, value] of valid)
    it(`${text} is ${value}`, () => assert.equal(parseQuantity(text), value));
  for (const text of [
    '',
    '0',
    '-1',
    '+1',
    '1 Mi',
    'Mi',
    '1mi',
    '1KI',
    'NaN',
    'Infinity',
    '1e999',
    '0x10',
    '1,5',
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseQuantity(text), undefined));
  }
});

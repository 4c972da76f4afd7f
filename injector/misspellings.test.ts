import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { admit } from './admit.ts';
import { admissionContext, podFixture, requestFixture } from './pod.fixture.ts';

function warningsOf(metadata: object, spec: object = {}): readonly string[] {
  const decision = admit(requestFixture(podFixture(spec, metadata)), admissionContext());
  assert.ok(decision.allowed);
  return decision.warnings;
}
const annotated = (name: string) => warningsOf({ annotations: { [name]: 'debug' } });
const labelled = (name: string, value = 'enabled') => warningsOf({ labels: { [name]: value } });

describe('words of ours that are not understood', () => {
  for (const [typed, meant] of [
    ['weft.dev/loglevel', 'weft.dev/log-level'],
    ['weft.dev/cpu-limits', 'weft.dev/cpu-limit'],
    ['weft.dev/skip-inbound-port', 'weft.dev/skip-inbound-ports'],
    ['weft.dev/Image', 'weft.dev/image'],
  ] as const) {
    it(`are warned about: the annotation ${typed}`, () =>
      assert.deepEqual(annotated(typed), [`annotation ${typed} is not understood: did you mean ${meant}?`]));
  }

  it('are warned about where none is near', () =>
    assert.deepEqual(annotated('weft.dev/colour'), [
      'annotation weft.dev/colour is not understood and does not count',
    ]));

  it('are warned about in labels', () =>
    assert.deepEqual(labelled('weft.dev/injekt'), [
      'label weft.dev/injekt is not understood: did you mean weft.dev/inject?',
    ]));

  it('are warned about where a label is written as an annotation, and the other way round', () => {
    assert.deepEqual(annotated('weft.dev/inject'), [
      'annotation weft.dev/inject is not understood: write it as a label',
    ]);
    assert.deepEqual(labelled('weft.dev/log-level', 'debug'), [
      'label weft.dev/log-level is not understood: write it as an annotation',
    ]);
  });

  for (const value of ['disable', 'true', 'Enabled', '']) {
    it(`are warned about: weft.dev/inject=${value}`, () =>
      assert.deepEqual(labelled('weft.dev/inject', value), [
        `weft.dev/inject=${value} is not understood: write enabled or disabled`,
      ]));
  }

  it('are warned about too where the pod cannot have a sidecar', () => {
    const warnings = warningsOf({ labels: { 'weft.dev/inject': 'yes' } }, { hostNetwork: true });
    assert.match(warnings.join(), /hostNetwork.*weft.dev\/inject=yes is not understood/);
  });

  it('do not make a warning endless', () => {
    for (const warnings of [
      annotated(`weft.dev/${'x'.repeat(1e6)}`),
      labelled('weft.dev/inject', 'y'.repeat(1e6)),
    ]) {
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0]!.length < 200);
    }
  });
});

describe('words that are understood', () => {
  it('are not warned about, nor those of others', () =>
    assert.deepEqual(
      warningsOf({
        labels: { 'weft.dev/inject': 'enabled', 'weft.dev/injected': 'true', 'app.weft.dev/x': 'y' },
        annotations: { 'weft.dev/log-level': 'debug', 'weft.dev/proxy': 'x', 'example.com/inject': 'no' },
      }),
      [],
    ));

  it('are those that injection itself writes', () => {
    const decision = admit(requestFixture(podFixture()), admissionContext());
    assert.ok(decision.allowed);
    const written = decision.operations.flatMap(
      ({ path }) => path.split('/')[3]?.replaceAll('~1', '/') ?? [],
    );
    const ours = written.filter((name) => name.startsWith('weft.dev/'));
    assert.deepEqual(ours, ['weft.dev/proxy', 'weft.dev/status', 'weft.dev/injected']);
    const annotations = { 'weft.dev/proxy': 'x', 'weft.dev/status': 'y' };
    assert.deepEqual(warningsOf({ annotations, labels: { 'weft.dev/injected': 'true' } }), []);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIELD } from '../http1/field-names.ts';
import { FieldLines, type Fields, MESH_ONLY } from '../http1/fields.ts';
import { HeaderFields } from './header-fields.ts';

const TEXT = 'x-a: one\r\nweft-caller: me\r\nx-b: two\r\nx-a: three\r\n';
function both(text = TEXT): readonly [Fields, HeaderFields] {
  const http1 = new FieldLines();
  http1.read(text, 0);
  const http2 = new HeaderFields();
  http2.read(text, 0);
  return [http1, http2];
}

const NAMES = ['x-a', 'x_a', 'x.a', 'xaa', 'x-b', 'weft-caller', 'via', 'accept'];
const NAME = fc.constantFrom(...NAMES);
const VALUE = fc.constantFrom('', 'one', 'two words', 'é');
const CHANGE = fc.oneof(
  fc.tuple(fc.constant('add' as const), NAME, VALUE),
  fc.tuple(fc.constant('remove' as const), NAME, fc.constant('')),
  fc.tuple(fc.constant('drop' as const), NAME, fc.constant('')),
  fc.tuple(fc.constant('removeWhere' as const), NAME, fc.constant('')),
);

test('the layers see the same in fields of HTTP/2 as in those of HTTP/1, whatever they do with them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(NAME, VALUE), { maxLength: 8 }),
      fc.array(CHANGE, { maxLength: 8 }),
      (lines, changes) => {
        const pair = both(lines.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
        for (const [what, name, value] of changes) {
          for (const fields of pair) {
            if (what === 'add') fields.add(name, value);
            else if (what === 'remove') fields.remove(name);
            else if (what === 'drop') fields.drop(MESH_ONLY);
            else fields.removeWhere((other) => other === name);
          }
        }
        const [http1, http2] = pair;
        for (const name of NAMES) {
          assert.equal(http2.get(name), http1.get(name));
          assert.deepEqual(http2.getAll(name), http1.getAll(name));
          assert.deepEqual(http2.getAlikes(name), http1.getAlikes(name));
          assert.equal(http1.isRepeated(name), http1.getAll(name).length > 1);
          assert.equal(http2.isRepeated(name), http2.getAll(name).length > 1);
        }
        assert.equal(http2.size, http1.size);
        assert.equal(http2.serialize(), http1.serialize());
        assert.equal(http2.copy().serialize(), http1.serialize());
      },
    ),
  );
});

test('known fields are counted and found', () => {
  const [, fields] = both();
  assert.equal(fields.count(FIELD.mesh), 1);
  assert.equal(fields.first(FIELD.mesh), 'me');
  assert.equal(fields.count(FIELD.te), 0);
});

test('a copy keeps what it has', () => {
  const [, fields] = both();
  const copy = fields.copy();
  fields.clear();
  assert.equal(copy.size, 4);
  assert.equal(fields.size, 0);
});

test('names that somebody adds in capitals are written small', () => {
  const [, fields] = both('');
  fields.add('Content-Type', 'text/plain');
  assert.equal(fields.serialize(), 'content-type: text/plain\r\n');
});

test('fields of HTTP/1 are read as they are', () => {
  const [http1, http2] = both();
  assert.equal(HeaderFields.of(http1).serialize(), TEXT);
  assert.equal(HeaderFields.of(http2), http2);
});

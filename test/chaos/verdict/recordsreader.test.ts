import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RecordsReader } from './recordsreader.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-records-'));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => appendFileSync(join(folder, name), text);
const line = (id: string) => `${JSON.stringify({ kind: 'execution', id })}\n`;

test('reads what is new of every file, and lines only when they are whole', () => {
  const reader = new RecordsReader(folder);
  const ids = () => reader.next().map(({ id }) => id);
  assert.deepEqual(ids(), []);
  write('a.jsonl', line('1') + line('2'));
  write('b.jsonl', line('3'));
  writeFileSync(join(folder, 'stop'), 'is no record');
  assert.deepEqual(ids(), ['1', '2', '3']);
  assert.deepEqual(ids(), []);
  write('a.jsonl', line('4') + line('5').slice(0, 9));
  assert.deepEqual(ids(), ['4']);
  write('a.jsonl', line('5').slice(9));
  assert.deepEqual(ids(), ['5']);
});

test('follows whoever goes on in another file, and keeps a bounded amount of what is full', () => {
  const own = mkdtempSync(join(folder, 'own-'));
  const append = (name: string, text: string) => appendFileSync(join(own, name), text);
  const reader = new RecordsReader(own, 40);
  const ids = () => reader.next().map(({ id }) => id);
  append('web.w-1.0.jsonl', line('1'));
  assert.deepEqual(ids(), ['1']);
  append('web.w-1.0.jsonl', line('2'));
  append('web.w-1.1.jsonl', line('3'));
  assert.deepEqual(ids(), ['2', '3']);
  // written before the next was begun, and read only now
  append('web.w-1.0.jsonl', line('4'));
  append('web.w-1.1.jsonl', line('5'));
  assert.deepEqual(ids(), ['4', '5']);
  assert.deepEqual(
    readdirSync(own),
    ['web.w-1.1.jsonl'],
    'and the one that is written to stays, whatever its size',
  );
  append('web.w-1.1.jsonl', line('6'));
  assert.deepEqual([ids(), reader.damaged], [['6'], 0]);
  assert.equal(reader.bytes, 3 * line('1').length);
});

test('counts what is no record, and reads on', () => {
  const reader = new RecordsReader(folder);
  reader.next();
  write('c.jsonl', `{"kind":"exec\n${line('6')}`);
  assert.deepEqual([reader.next().map(({ id }) => id), reader.damaged], [['6'], 1]);
});

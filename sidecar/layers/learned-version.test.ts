import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LearnedVersion, LOOK_AGAIN_MS } from './learned-version.ts';

test('requests go in the version they are wanted in while nothing was found', () => {
  const learned = new LearnedVersion();
  assert.equal(learned.choose('http1', true, 0), 'http1');
  assert.equal(learned.choose('http2', false, LOOK_AGAIN_MS), 'http2');
});

test('what was found holds for all, until one request without a body looks again', () => {
  const learned = new LearnedVersion();
  learned.learn('http1', 1_000);
  const dueMs = 1_000 + LOOK_AGAIN_MS;
  assert.equal(learned.choose('http2', true, dueMs - 1), 'http1');
  assert.equal(learned.choose('http2', false, dueMs), 'http1', 'a body might not be there to be sent again');
  assert.equal(learned.choose('http1', true, dueMs), 'http1', 'it would find out nothing');
  assert.equal(learned.choose('http2', true, dueMs), 'http2');
  assert.equal(learned.choose('http2', true, dueMs), 'http1', 'one is enough');
  assert.equal(learned.choose('http2', true, dueMs + LOOK_AGAIN_MS), 'http2');
});

test('who is found to take only one version again is believed for as long again', () => {
  const learned = new LearnedVersion();
  learned.learn('http1', 0);
  learned.learn('http1', 10_000);
  assert.equal(learned.choose('http2', true, LOOK_AGAIN_MS), 'http1');
});

test('an answer in the other version unsays what was found, one in the same does not', () => {
  const learned = new LearnedVersion();
  learned.learn('http1', 0);
  learned.answered('http1');
  assert.equal(learned.choose('http2', true, 1), 'http1');
  learned.answered('http2');
  assert.equal(learned.choose('http2', true, 1), 'http2');
});

test('the last word counts where a server says one thing and then the other', () => {
  const learned = new LearnedVersion();
  learned.learn('http1', 0);
  learned.learn('http2', 1);
  assert.equal(learned.choose('http1', true, 2), 'http2');
  assert.equal(learned.choose('http2', true, 2), 'http2');
});

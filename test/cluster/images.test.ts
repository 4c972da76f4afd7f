import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fullName } from './images.ts';

describe('the full name of an image', () => {
  for (const [tag, full] of [
    ['debian', 'docker.io/library/debian:latest'],
    ['debian:bookworm-slim', 'docker.io/library/debian:bookworm-slim'],
    ['weft-test/app', 'docker.io/weft-test/app:latest'],
    ['registry.example:5000/weft:v1', 'registry.example:5000/weft:v1'],
    ['localhost/weft', 'localhost/weft:latest'],
  ] as const) {
    it(`is ${full} for ${tag}`, () => assert.equal(fullName(tag), full));
  }
});

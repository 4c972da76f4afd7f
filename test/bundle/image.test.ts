import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { PROXY_UID } from '../../api/names.ts';
import { ROOMS } from '../../build.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
const dockerfile = read('Dockerfile');
const instructions = (name: string) =>
  [...dockerfile.matchAll(new RegExp(`^${name}\\s+(.+)$`, 'gm'))].map((match) => match[1]!);

describe('the image', () => {
  it('has the version of the package and of the chart', () => {
    const { version } = JSON.parse(read('package.json'));
    const chart = parse(read('helm/weft/Chart.yaml'));
    assert.equal(chart.appVersion, version);
    assert.ok(dockerfile.includes(`org.opencontainers.image.version="${version}"`));
  });

  it('runs as the user whose traffic is not redirected, by number', () => {
    assert.deepEqual(instructions('USER'), [`${PROXY_UID}:${PROXY_UID}`]);
  });

  it('is made of the two base images and needs no argument', () => {
    assert.deepEqual(instructions('FROM'), [
      'docker.io/library/node:24-bookworm-slim AS build',
      'docker.io/library/debian:bookworm-slim',
    ]);
    assert.deepEqual(instructions('ARG'), []);
  });

  it('is built from a context that has every room, and neither tests nor modules', () => {
    const ignored = read('.dockerignore').split('\n');
    assert.ok(ignored.includes('*'));
    for (const room of Object.values(ROOMS)) assert.ok(ignored.includes(`!${dirname(room)}`), room);
    for (const file of ['!weft.ts', '!build.ts', '!package-lock.json', '**/node_modules', '**/*.test.ts']) {
      assert.ok(ignored.includes(file), file);
    }
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Destination } from '../api/destination.ts';
import type { AuthorizationRule, ProxyConfig } from '../api/proxy-config.ts';
import type { TestAuthority } from './testing/certificates.ts';
import { Pair } from './testing/pair.ts';
import { connect, ok, readAll, readUntil, record, serve, serveHttp, talk, type TestServer } from './testing/wire.ts';

const get = (path = '/', more = ''): string => `GET ${path} HTTP/1.1\r\nHost: api\r\n${more}\r\n`;
const getAndClose = (path = '/', more = ''): string => get(path, `Connection: close\r\n${more}`);

test('placeholder', () => {});
void once; void after; void before; void connect; void readAll; void readUntil; void record; void serve; void serveHttp; void talk; void ok; void Pair; void getAndClose;
export type { AuthorizationRule, Destination, ProxyConfig, TestAuthority, TestServer };

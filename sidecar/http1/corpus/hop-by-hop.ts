import { bad, type CorpusCase, field, GET, good, POST } from './case.ts';

const HOP = 'RFC 9110 7.6.1';
const UPGRADE = 'RFC 9110 7.8';
const H2C = 'RFC 9113 3.1';
const TE = 'RFC 9110 10.1.4';

/** Connection and what it names: fields that end at this hop. */
export const HOP_BY_HOP: readonly CorpusCase[] = [
  bad(
    HOP,
    'Trailers that Connection takes away are valid all the same',
    `${POST}Connection: x-secret\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\n\r\n`,
  ),
  good(
    HOP,
    'Connection that names fields takes the trailers with them',
    `${POST}Connection: x-secret\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Secret: 1\r\n\r\n`,
    `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  field(
    HOP,
    'Connection and what it names go',
    'Connection: x, keep-alive\r\nX: 1\r\nKeep-Alive: 5\r\nY: 2\r\n',
    'Y: 2\r\n',
  ),
  field(
    HOP,
    'Connection over several lines',
    'Connection: x\r\nX: 1\r\nConnection: Y\r\nY: 2\r\nZ: 3\r\n',
    'Z: 3\r\n',
  ),
  field(
    HOP,
    'Connection names fields in any case',
    'connection: CLOSE, X-a\r\nx-A: 1\r\nY: 2\r\n',
    'Y: 2\r\n',
  ),
  field(HOP, 'Connection names a field that comes before it', 'X: 1\r\nConnection: x\r\n', ''),
  field(
    HOP,
    'Connection names every line of a field',
    'Connection: x\r\nX: 1\r\nY: 2\r\nX: 3\r\n',
    'Y: 2\r\n',
  ),
  field(HOP, 'Connection with empty members', 'Connection: , ,x,,\r\nX: 1\r\nY: 2\r\n', 'Y: 2\r\n'),
  field(HOP, 'Connection with tabs', 'Connection: \tx\t,\ty\t\r\nX: 1\r\nY: 2\r\n', ''),
  field(HOP, 'an empty Connection', 'Connection:\r\nY: 2\r\n', 'Y: 2\r\n'),
  field(HOP, 'Connection names itself', 'Connection: connection\r\nY: 2\r\n', 'Y: 2\r\n'),
  field(HOP, 'Connection names what is not there', 'Connection: nothing\r\nY: 2\r\n', 'Y: 2\r\n'),
  field(HOP, 'Connection names what is no token', 'Connection: "y", (y), y;q=1\r\nY: 2\r\n', 'Y: 2\r\n'),
  field(HOP, 'Connection cannot take Host away', 'Connection: host\r\nZ: 3\r\n', 'Z: 3\r\n'),
  field(
    HOP,
    'Connection cannot take Expect away',
    'Connection: expect\r\nExpect: 100-continue\r\n',
    'Expect: 100-continue\r\n',
  ),
  good(
    HOP,
    'Connection cannot take framing away',
    `${POST}Connection: content-length\r\nContent-Length: 1\r\n\r\nx`,
    `${POST}Content-Length: 1\r\n\r\nx`,
  ),
  good(
    HOP,
    'Connection cannot take the chunks away',
    `${POST}Connection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
  ),
  field(HOP, 'Proxy-Connection goes', 'Proxy-Connection: keep-alive\r\n', ''),
  field(HOP, 'Keep-Alive goes without being named', 'Keep-Alive: timeout=5, max=100\r\nY: 2\r\n', 'Y: 2\r\n'),
  // TE
  field(
    TE,
    'TE: trailers is said anew',
    'TE: trailers, gzip;q=0.5\r\nConnection: TE\r\n',
    'TE: trailers\r\nConnection: TE\r\n',
  ),
  field(TE, 'TE: trailers in another case', 'te: Trailers\r\n', 'TE: trailers\r\nConnection: TE\r\n'),
  field(TE, 'TE over two lines', 'TE: gzip\r\nTE: trailers\r\n', 'TE: trailers\r\nConnection: TE\r\n'),
  field(TE, 'other TE goes', 'TE: gzip\r\nConnection: TE\r\n', ''),
  field(TE, 'TE: chunked goes, and is no Transfer-Encoding', 'TE: chunked\r\n', ''),
  field(TE, 'TE with a longer word goes', 'TE: trailersx\r\n', ''),
  // Upgrade
  field(
    UPGRADE,
    'Upgrade is said anew',
    'upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  ),
  field(
    UPGRADE,
    'Upgrade over two lines',
    'Upgrade: a\r\nConnection: upgrade\r\nUpgrade: b/2\r\n',
    'Connection: Upgrade\r\nUpgrade: a, b/2\r\n',
  ),
  field(UPGRADE, 'Upgrade that Connection does not name goes', 'Upgrade: websocket\r\n', ''),
  field(UPGRADE, 'an upgrade that is announced and not named', 'Connection: upgrade\r\nY: 2\r\n', 'Y: 2\r\n'),
  field(
    H2C,
    'Upgrade to h2c goes',
    'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\r\n',
    '',
  ),
  field(H2C, 'Upgrade to h2c in upper case goes', 'Upgrade: H2C\r\nConnection: UPGRADE\r\n', ''),
  field(H2C, 'Upgrade to HTTP/2.0 goes', 'Upgrade: HTTP/2.0\r\nConnection: upgrade\r\n', ''),
  field(
    H2C,
    'h2c goes out of a list of upgrades',
    'Upgrade: websocket, h2c\r\nConnection: upgrade\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  ),
  good(
    UPGRADE,
    'an upgrade with a body keeps its length',
    `${POST}Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nok`,
    `${POST}Content-Length: 2\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nok`,
  ),
  good(
    UPGRADE,
    'what follows an upgrade is the next request until it is agreed',
    `${GET}Connection: upgrade\r\nUpgrade: x\r\n\r\n${GET}\r\n`,
    `${GET}Connection: Upgrade\r\nUpgrade: x\r\n\r\n${GET}\r\n`,
  ),
];

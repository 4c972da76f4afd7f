/** RFC 7541 appendix C: blocks of one connection after another, each with what it means. */
export interface AppendixSeries {
  readonly section: string;
  readonly tableBytes: number;
  readonly blocks: readonly {
    readonly hex: string;
    readonly fields: readonly (readonly [name: string, value: string])[];
    /** newest first */
    readonly table: readonly (readonly [name: string, value: string])[];
    readonly tableBytes: number;
  }[];
}
type Pair = readonly [string, string];

const AUTHORITY: Pair = [':authority', 'www.example.com'];
const NO_CACHE: Pair = ['cache-control', 'no-cache'];
const CUSTOM: Pair = ['custom-key', 'custom-value'];
const GET: readonly Pair[] = [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], AUTHORITY];
const GET_INDEX: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/index.html'],
  AUTHORITY,
];
const PRIVATE: Pair = ['cache-control', 'private'];
const DATE_21: Pair = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const DATE_22: Pair = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const LOCATION: Pair = ['location', 'https://www.example.com'];
const GZIP: Pair = ['content-encoding', 'gzip'];
const COOKIE: Pair = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];

function requests(section: string, hex: readonly [string, string, string]): AppendixSeries {
  return {
    section,
    tableBytes: 4096,
    blocks: [
      { hex: hex[0], fields: GET, table: [AUTHORITY], tableBytes: 57 },
      { hex: hex[1], fields: [...GET, NO_CACHE], table: [NO_CACHE, AUTHORITY], tableBytes: 110 },
      { hex: hex[2], fields: [...GET_INDEX, CUSTOM], table: [CUSTOM, NO_CACHE, AUTHORITY], tableBytes: 164 },
    ],
  };
}

function responses(section: string, hex: readonly [string, string, string]): AppendixSeries {
  return {
    section,
    tableBytes: 256,
    blocks: [
      {
        hex: hex[0],
        fields: [[':status', '302'], PRIVATE, DATE_21, LOCATION],
        table: [LOCATION, DATE_21, PRIVATE, [':status', '302']],
        tableBytes: 222,
      },
      {
        hex: hex[1],
        fields: [[':status', '307'], PRIVATE, DATE_21, LOCATION],
        table: [[':status', '307'], LOCATION, DATE_21, PRIVATE],
        tableBytes: 222,
      },
      {
        hex: hex[2],
        fields: [[':status', '200'], PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
        table: [COOKIE, GZIP, DATE_22],
        tableBytes: 215,
      },
    ],
  };
}

function literal(section: string, hex: string, field: Pair, isIndexed: boolean): AppendixSeries {
  const table = isIndexed ? [field] : [];
  const tableBytes = isIndexed ? field[0].length + field[1].length + 32 : 0;
  return { section, tableBytes: 4096, blocks: [{ hex, fields: [field], table, tableBytes }] };
}

export const APPENDIX_C: readonly AppendixSeries[] = [
  literal(
    'C.2.1',
    '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
    ['custom-key', 'custom-header'],
    true,
  ),
  literal('C.2.2', '040c2f73616d706c652f70617468', [':path', '/sample/path'], false),
  literal('C.2.3', '100870617373776f726406736563726574', ['password', 'secret'], false),
  literal('C.2.4', '82', [':method', 'GET'], false),
  requests('C.3', [
    '828684410f7777772e6578616d706c652e636f6d',
    '828684be58086e6f2d6361636865',
    '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
  ]),
  requests('C.4', [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be5886a8eb10649cbf',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  ]),
  responses('C.5', [
    '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
    '4803333037c1c0bf',
    '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
  ]),
  responses('C.6', [
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    '4883640effc1c0bf',
    '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ]),
];

import { METRICS } from '../../api/metrics.ts';
import { Cells, type Row } from './cells.ts';
import { LabelSets } from './label-sets.ts';
import { labelText } from './labels.ts';
import { type Direction, PARTY_LABELS, type Parties, setParties } from './parties.ts';
import { type Family, line } from './prometheus.ts';

const LABELS = [...PARTY_LABELS, 'mtls'];
const OPEN = 0;
const SENT = 1;
const RECEIVED = 2;
const WIDTH = 3;
const MAX_SERIES_PER_DIRECTION = 400;

/** One open connection: what takes its bytes, and what ends it. Both may be passed on as plain functions. */
export interface TcpMeter {
  readonly bytes: (flow: 'sent' | 'received', count: number) => void;
  readonly close: () => void;
}

/** Opaque connections between two parties. */
class TcpSeries {
  readonly labels: string;
  readonly row: Row;
  constructor(labels: string, row: Row) {
    this.labels = labels;
    this.row = row;
  }
}

export class TcpMeters {
  readonly #values: string[] = LABELS.map(() => '');
  readonly sets: LabelSets<TcpSeries>;

  constructor() {
    const cells = new Cells(WIDTH);
    this.sets = new LabelSets({
      create: (values) => new TcpSeries(labelText(LABELS, values), cells.add()),
      max: MAX_SERIES_PER_DIRECTION,
      boundedByFirst: true,
    });
  }

  open(direction: Direction, parties: Parties, encrypted: boolean): TcpMeter {
    const values = this.#values;
    setParties(values, direction, parties);
    values[6] = encrypted ? 'true' : 'false';
    return meterOf(this.sets.get(values).row);
  }

  families(): readonly Family[] {
    const { items } = this.sets;
    return [
      {
        name: METRICS.tcpConnectionsOpen,
        help: 'Opaque connections open.',
        type: 'gauge',
        *lines() {
          for (const { labels, row } of items) {
            yield line(METRICS.tcpConnectionsOpen, labels, row.block[row.at + OPEN]!);
          }
        },
      },
      {
        name: METRICS.tcpBytes,
        help: 'Bytes of opaque connections.',
        type: 'counter',
        *lines() {
          for (const { labels, row } of items) {
            yield line(METRICS.tcpBytes, `${labels},flow="sent"`, row.block[row.at + SENT]!);
            yield line(METRICS.tcpBytes, `${labels},flow="received"`, row.block[row.at + RECEIVED]!);
          }
        },
      },
    ];
  }
}

function meterOf({ block, at }: Row): TcpMeter {
  let isOpen = true;
  block[at + OPEN]! += 1;
  return {
    bytes: (flow, count) => {
      block[at + (flow === 'sent' ? SENT : RECEIVED)]! += count;
    },
    close: () => {
      if (isOpen) block[at + OPEN]! -= 1;
      isOpen = false;
    },
  };
}

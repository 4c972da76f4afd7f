import { pathTemplate } from '../../api/path-template.ts';
import { labelText, OTHER } from './labels.ts';
import type { RequestMeter } from './request-meters.ts';

/** Of all callers of one direction, and of one of them: paths are theirs to choose, and none fills the room of others. */
const MAX_PER_DIRECTION = 400;
const MAX_PER_METER = 100;
const LABEL = ['path_template'];

/** Meters of requests told apart by the template of their path, found through the meter without. */
export class TemplateMeters {
  readonly #create: (labels: string, without: RequestMeter) => RequestMeter;
  readonly #size = { inbound: 0, outbound: 0 };
  readonly items: RequestMeter[] = [];
  /** look-ups that found no room */
  overflows = 0;

  constructor(create: (labels: string, without: RequestMeter) => RequestMeter) {
    this.#create = create;
  }

  get(meter: RequestMeter, path: string): RequestMeter {
    const template = pathTemplate(path);
    const known = meter.byTemplate?.get(template);
    if (known !== undefined) return known;
    meter.byTemplate ??= new Map();
    const { direction } = meter.edge;
    const hasRoom = this.#size[direction] < MAX_PER_DIRECTION && meter.byTemplate.size < MAX_PER_METER;
    if (hasRoom) this.#size[direction] += 1;
    else this.overflows += 1;
    return hasRoom ? this.#add(meter, template) : (meter.byTemplate.get(OTHER) ?? this.#add(meter, OTHER));
  }

  #add(meter: RequestMeter, template: string): RequestMeter {
    const created = this.#create(`${meter.labels},${labelText(LABEL, [template])}`, meter);
    // flat and its own: a part of a path would keep the request's head in memory
    meter.byTemplate!.set(Buffer.from(template).toString(), created);
    this.items.push(created);
    return created;
  }
}

import { HEADER_CALLER, HEADER_CALLER_ADDRESS, HEADER_PREFIX } from '../../api/names.ts';
import type { HttpLayer } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { Caller } from './caller.ts';

/** Any character that is no letter and no digit counts as `-`, see `stripMeshFields`. */
const MESH_FIELD = new RegExp(`^${HEADER_PREFIX.slice(0, -1)}[^0-9a-z]`);

/**
 * Takes out every field whose name belongs to the mesh. `weft_caller` and `weft.caller` do too: gateways to
 * applications read them and `weft-caller` as one variable (RFC 3875 4.1.18).
 */
export function stripMeshFields(fields: Fields): void {
  fields.removeWhere((key) => MESH_FIELD.test(key));
}

/** Nothing an app says may look as if the mesh had said it. */
export function stripFromApp(): HttpLayer {
  return (next) => (exchange) => {
    stripMeshFields(exchange.head.fields);
    next(exchange);
  };
}

/** Tells the app who calls, and only what was proven. */
export function callerIdentity(caller: Caller): HttpLayer {
  return (next) => (exchange) => {
    const { fields } = exchange.head;
    stripMeshFields(fields);
    if (caller.spiffeId !== undefined) fields.add(HEADER_CALLER, caller.spiffeId);
    fields.add(HEADER_CALLER_ADDRESS, caller.address);
    next(exchange);
  };
}

import { HEADER_CALLER, HEADER_CALLER_ADDRESS, HEADER_MIRROR } from '../../api/names.ts';
import type { HttpLayer } from '../http1/exchange.ts';
import { type Fields, MESH_ONLY } from '../http1/fields.ts';
import type { Caller } from './caller.ts';

/** Takes out every field that came whose name belongs to the mesh. */
export function stripMeshFields(fields: Fields): void {
  fields.drop(MESH_ONLY);
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
    const isMeshed = caller.spiffeId !== undefined;
    // what a sidecar says of what it sends; others may say what they like
    if (isMeshed && fields.get(HEADER_MIRROR) !== undefined) exchange.trail.isCopy = true;
    stripMeshFields(fields);
    if (isMeshed) fields.add(HEADER_CALLER, caller.spiffeId);
    fields.add(HEADER_CALLER_ADDRESS, caller.address);
    next(exchange);
  };
}

/** What `weft inject --proxy-id` asks the injector's room, JSON both ways: rooms do not import each other. */
export interface OneQuestion {
  /** unchecked */
  readonly pod: unknown;
  readonly proxyId: string;
  /** PEM */
  readonly trustBundle: string;
}

export type OneAnswer =
  | { readonly type: 'Injected'; readonly pod: unknown; readonly warnings: readonly string[] }
  /** the pod wants none, or cannot have one */
  | { readonly type: 'Unchanged'; readonly warnings: readonly string[] }
  /** the same words with which the API server would refuse it */
  | { readonly type: 'Refused'; readonly message: string };

/** Who makes a field true: the sidecar of the called pod, that of the caller, both, or the operator for them. */
export type Enforcer = 'called side' | 'caller’s side' | 'both sides' | 'operator';

/** The tests of one file that see fields at work. */
export interface FeatureTests {
  /** from the root of the project */
  readonly file: string;
  readonly by: Enforcer;
  /**
   * From a test's title, with `…` for what varies in it, to the leaves of the schema that it shows:
   * `spec.a[].b`; `{x,y}` stands for several.
   */
  readonly tests: Readonly<Record<string, readonly string[]>>;
}

/** The list of routes, of which most fields are. */
export const ROUTE = 'spec.traffic.routes[]';

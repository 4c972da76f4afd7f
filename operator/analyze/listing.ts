import { systemClock } from '../clock.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { ApiError, isNotFound } from '../kubernetes/api-error.ts';
import { ListWatch } from '../kubernetes/list-watch.ts';
import type { KubernetesObject } from '../kubernetes/objects.ts';
import { collectionPath, type Resource } from '../kubernetes/resources.ts';
import { describeError } from '../log.ts';
import { AnalysisError } from './analysis-error.ts';

/** Of all pages of one resource. */
const TIMEOUT_MS = 120_000;
/** Of the first answer, which is a few bytes: whoever waits at a terminal wants to know soon. */
const REACHED_WITHIN_MS = 5_000;

/** Whole lists from one API server, with the user's own rights; what these do not allow is said all at once. */
export class Listing {
  readonly #api: ApiClient;
  readonly #server: string;
  readonly #refused: string[] = [];

  constructor(api: ApiClient, server: string) {
    this.#api = api;
    this.#server = server;
  }

  /** Any answer will do. Throws AnalysisError when there is none within seconds. */
  async reach(): Promise<void> {
    try {
      await this.#api.request('GET', '/version', { timeoutMs: REACHED_WITHIN_MS });
    } catch (error) {
      if (error instanceof ApiError) return;
      throw this.#unreadable('the version', error);
    }
  }

  /** In all namespaces, page by page. Empty where it is not allowed, of which `finish` will speak. */
  async all<T extends KubernetesObject>(resource: Resource, labelSelector?: string): Promise<readonly T[]> {
    const found = await this.allIfPermitted<T>(resource, labelSelector);
    if (found === undefined) this.#refused.push(nameOf(resource));
    return found ?? [];
  }

  /** Undefined where it is not allowed. Throws ApiError 404 when the server does not know the resource. */
  async allIfPermitted<T extends KubernetesObject>(
    resource: Resource,
    labelSelector?: string,
  ): Promise<readonly T[] | undefined> {
    const where = { path: collectionPath(resource), ...(labelSelector !== undefined && { labelSelector }) };
    const items: T[] = [];
    try {
      const pages = new ListWatch<T>(this.#api, where, systemClock).list(AbortSignal.timeout(TIMEOUT_MS));
      for await (const page of pages) items.push(...page.items);
      return items;
    } catch (error) {
      if (isNotFound(error)) throw error;
      if (error instanceof ApiError && error.status === 403) return undefined;
      throw this.#unreadable(nameOf(resource), error);
    }
  }

  /** Throws AnalysisError when a list was not allowed. */
  finish(): void {
    if (this.#refused.length === 0) return;
    const missing = [...this.#refused].sort().join(', ');
    const role = `kubectl create clusterrole weft-analyze --verb=list --resource=${missing.replaceAll(' ', '')}`;
    const hint = `who may: kubectl auth can-i list ${this.#refused[0]} -A; what to grant: ${role}, and a clusterrolebinding to you`;
    throw new AnalysisError(`you may not list ${missing} in all namespaces`, { hint });
  }

  #unreadable(what: string, error: unknown): AnalysisError {
    if (error instanceof ApiError && error.status === 401) {
      return new AnalysisError(`${this.#server} does not take the credentials of the kubeconfig`);
    }
    const hint =
      'kubectl get nodes should work with the same --context and --kubeconfig; --folder DIR needs no cluster';
    return new AnalysisError(`${what} cannot be read from ${this.#server}: ${reasonOf(error)}`, {
      hint,
    });
  }
}

/** Of a name with several addresses Node says nothing in the whole, only of each. */
function reasonOf(error: unknown): string {
  if (!(error instanceof AggregateError) || error.message !== '') return describeError(error);
  return error.errors.map(describeError).join('; ');
}

/** As kubectl takes it: `endpointslices.discovery.k8s.io` */
function nameOf({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

import type { Host } from '../balancers/host.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { grpcStatus, NO_GRPC_STATUS, statusOfGrpc } from '../layers/grpc.ts';
import type { OutlierDetection } from '../layers/outlier-detection.ts';

/** What the answer to one request says of the host that gave it; of a gRPC call it may say so only when it ends. */
export class AnswerVerdict {
  readonly #outliers: OutlierDetection;
  #isOpen = false;

  constructor(outliers: OutlierDetection) {
    this.#outliers = outliers;
  }

  onHead({ protocol }: Exchange, head: ResponseHead, host: Host, nowMs: number): void {
    const grpc = protocol === 'grpc' ? grpcStatus(head.fields) : NO_GRPC_STATUS;
    this.#isOpen = protocol === 'grpc' && grpc === NO_GRPC_STATUS && head.status === 200;
    if (this.#isOpen) return;
    this.#outliers.onAnswer(host, grpc === NO_GRPC_STATUS ? head.status : statusOfGrpc(grpc), nowMs);
  }

  /** `host`: undefined when there was none in the end. One that was cut off says nothing. */
  onEnd({ grpcStatus: grpc }: Exchange, host: Host | undefined, nowMs: number): void {
    if (!this.#isOpen || host === undefined || grpc === NO_GRPC_STATUS) return;
    this.#outliers.onAnswer(host, statusOfGrpc(grpc), nowMs);
  }
}

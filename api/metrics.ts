/**
 * Prometheus metric names, the same on every sidecar. Dashboards and alerts query only these; what each means
 * is in docs/reference/metrics.md.
 */
export const METRICS = {
  requests: 'weft_requests_total',
  grpcRequests: 'weft_grpc_requests_total',
  requestDuration: 'weft_request_duration_seconds',
  tcpConnectionsOpen: 'weft_tcp_connections_open',
  tcpBytes: 'weft_tcp_bytes_total',
  retries: 'weft_retries_total',
  errors: 'weft_errors_total',
  authorization: 'weft_authorization_total',
  rateLimited: 'weft_rate_limited_total',
  passthrough: 'weft_passthrough_total',
  egress: 'weft_egress_total',
  connectionsOpen: 'weft_connections_open',
  connectionsRefused: 'weft_connections_refused_total',
  circuitBreakerOpen: 'weft_circuit_breaker_open',
  endpoints: 'weft_endpoints',
  ejections: 'weft_ejections_total',
  mirrored: 'weft_mirrored_total',
  spansExported: 'weft_spans_exported_total',
  spansDropped: 'weft_spans_dropped_total',
  accessLogDropped: 'weft_access_log_dropped_total',
  seriesOverflow: 'weft_metrics_series_overflow_total',
  certificateExpiry: 'weft_certificate_expiry_seconds',
  configVersion: 'weft_config_version_info',
  configRejected: 'weft_config_rejected_total',
  streamUp: 'weft_stream_up',
  destinationsKnown: 'weft_destinations_known',
  eventLoopLag: 'weft_event_loop_lag_seconds',
  eventLoopStalls: 'weft_event_loop_stalls_total',
  residentMemory: 'process_resident_memory_bytes',
} as const;

export type MetricName = (typeof METRICS)[keyof typeof METRICS];

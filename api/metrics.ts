/** Prometheus metric names, the same on every sidecar. Dashboards and alerts query only these. */
export const METRICS = {
  requests: 'weft_requests_total',
  requestDuration: 'weft_request_duration_seconds',
  tcpConnectionsOpen: 'weft_tcp_connections_open',
  tcpBytes: 'weft_tcp_bytes_total',
  retries: 'weft_retries_total',
  errors: 'weft_errors_total',
  authorization: 'weft_authorization_total',
  certificateExpiry: 'weft_certificate_expiry_seconds',
  configVersion: 'weft_config_version_info',
  configRejected: 'weft_config_rejected_total',
} as const;

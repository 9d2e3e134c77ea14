/** mqttxx's numbers: 1xxx connection, 2xxx message, 3xxx RPC, 4xxx permission. */
export const ErrorCode = {
  NOT_CONNECTED: 1001,
  CONNECTION_FAILED: 1002,
  CONNECTION_LOST: 1003,
  SUBSCRIBE_FAILED: 1004,
  PUBLISH_FAILED: 1005,
  INVALID_JSON: 2001,
  INVALID_UTF8: 2002,
  PAYLOAD_TOO_LARGE: 2003,
  INVALID_MESSAGE_TYPE: 2004,
  MISSING_REQUIRED_FIELD: 2005,
  METHOD_NOT_FOUND: 3001,
  RPC_TIMEOUT: 3002,
  RPC_EXECUTION_ERROR: 3003,
  TOO_MANY_PENDING_CALLS: 3004,
  INVALID_RPC_REQUEST: 3005,
  INVALID_RPC_RESPONSE: 3006,
  PEER_UNREACHABLE: 3007,
  PERMISSION_DENIED: 4001,
  AUTHENTICATION_FAILED: 4002,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** `RPC_TIMEOUT` of 3002. */
export function errorCodeName(code: ErrorCode): string {
  return Object.entries(ErrorCode).find(([, value]) => value === code)![0];
}

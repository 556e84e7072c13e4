// The global InvokeStore of nodejs24.x: the running invocation's ids and a place for user values, as
// @aws/lambda-invoke-store finds it. One invocation runs at a time, so the last context that was run is everybody's.

const REQUEST_ID = Symbol.for('_AWS_LAMBDA_REQUEST_ID');
const TRACE_ID = Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID');
const TENANT_ID = Symbol.for('_AWS_LAMBDA_TENANT_ID');
const PROTECTED = [REQUEST_ID, TRACE_ID, TENANT_ID];

let current;

export const invokeStore = {
  PROTECTED_KEYS: { REQUEST_ID, X_RAY_TRACE_ID: TRACE_ID, TENANT_ID },
  run(context, call) {
    current = context;
    return call();
  },
  getContext: () => current,
  hasContext: () => current !== undefined,
  get: (key) => current?.[key],
  set(key, value) {
    if (PROTECTED.includes(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    if (current) current[key] = value;
  },
  getRequestId: () => current?.[REQUEST_ID] ?? '-',
  getXRayTraceId: () => current?.[TRACE_ID],
  getTenantId: () => current?.[TENANT_ID],
};

/** A new invocation begins. @param {import('./channel.mjs').Invoke['header']} header */
export function enter(header) {
  current = { [REQUEST_ID]: header.id, [TRACE_ID]: header.trace, [TENANT_ID]: header.tenant };
}

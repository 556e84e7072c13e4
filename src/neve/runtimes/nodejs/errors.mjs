// Errors in the three forms that leave the process: on the wire, in the runtime's own log lines, in the user's JSON logs.
import { xrayCause } from './xray-cause.mjs';

/* The runtime's own errors. Wire and text logs show `name` (`Runtime.NodeJsExit`), JSON logs the bare class name. */
export class ImportModuleError extends Error {}
export class HandlerNotFound extends Error {}
export class MalformedHandlerName extends Error {}
export class UserCodeSyntaxError extends Error {}
export class MalformedStreamingHandler extends Error {}
export class InvalidStreamingOperation extends Error {}
export class NodeJsExit extends Error {}
export class UnhandledPromiseRejection extends Error {}
export class CallbackHandlerDeprecated extends Error {}
export class JSONStringifyError extends Error {}

const OWN = [
  ImportModuleError, HandlerNotFound, MalformedHandlerName, UserCodeSyntaxError, MalformedStreamingHandler,
  InvalidStreamingOperation, NodeJsExit, UnhandledPromiseRejection, CallbackHandlerDeprecated, JSONStringifyError,
];
for (const own of OWN) Object.defineProperty(own.prototype, 'name', { value: `Runtime.${own.name}`, writable: true });

/** @typedef {{type: string, body: string, cause?: string}} WireError */

let recognizes = (value) => value instanceof Error;

/** Callback generation only: what has a string name, message and stack passes for an error too (another realm's, say). */
export function acceptLookalikes() {
  recognizes = (value) => value instanceof Error || looksLikeError(value);
}

/** @param {unknown} value */
export function isError(value) {
  return recognizes(value);
}

function looksLikeError(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof value.name === 'string' &&
    typeof value.message === 'string' &&
    typeof value.stack === 'string'
  );
}

/**
 * What the caller gets.
 * @param {unknown} thrown
 * @returns {WireError}
 */
export function wireError(thrown) {
  const shape = wireShape(thrown);
  return { type: shape.errorType, body: JSON.stringify(shape) };
}

/** The same with the X-Ray cause, for an invocation's error. @param {unknown} thrown @returns {WireError} */
export function wireErrorWithCause(thrown) {
  const error = wireError(thrown);
  const cause = xrayCause(thrown);
  if (cause) error.cause = cause;
  return error;
}

function wireShape(thrown) {
  try {
    if (!isError(thrown)) return { errorType: typeof thrown, errorMessage: thrown.toString(), trace: [] };
    return {
      errorType: escapeDelete(thrown.name),
      errorMessage: escapeDelete(thrown.message),
      trace: escapeDelete(thrown.stack).split('\n'),
    };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

function escapeDelete(text) {
  return text.replaceAll('\x7f', '%7F');
}

/**
 * The second half of the runtime's own error lines in text logs: a tab and JSON.
 * @param {unknown} thrown
 */
export function loggedError(thrown) {
  try {
    return `\t${JSON.stringify(thrown, (_key, value) => (isError(value) ? withFields(value) : value))}`;
  } catch {
    return `\t${JSON.stringify(wireShape(thrown))}`;
  }
}

function withFields(error) {
  const { stack } = error;
  return {
    errorType: error.name,
    errorMessage: error.message,
    code: error.code,
    ...error,
    stack: typeof stack === 'string' ? stack.split('\n') : stack,
  };
}

// A handler's result as JSON text.

/**
 * @param {unknown} value
 * @param {(message: string) => Error} refusal the error for what JSON cannot say (a cycle, a BigInt)
 */
export function serialize(value, refusal) {
  try {
    return JSON.stringify(value) ?? 'null'; // undefined, a function, a symbol
  } catch {
    throw refusal('Unable to stringify response body');
  }
}

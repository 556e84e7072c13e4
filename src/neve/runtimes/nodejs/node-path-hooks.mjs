// The same as `node-path.mjs` for a Node.js whose hooks are asynchronous and run in a thread of their own.
import { isMissingPackage } from './node-path.mjs';

let places = [];

export function initialize(given) {
  places = given;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!isMissingPackage(error, specifier)) throw error;
    for (const parentURL of places) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch (another) {
        if (!isMissingPackage(another, specifier)) throw another;
      }
    }
    throw error;
  }
}

// `BUCKET.localhost` is this machine (RFC 6761), which the resolver of many machines does not know. The SDKs put a bucket
// into the host name when the endpoint is a name, so it matters only for a function whose endpoint is on `localhost`.
import { require } from './builtins.mjs';

const BELOW_LOCALHOST = /\.localhost\.?$/i;

/** Look these names up as `localhost`; node:dns is loaded (1 ms) for nobody else. */
export function resolveBelowLocalhost() {
  const endpoints = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_ENDPOINT_URL'));
  if (!endpoints.some(([, url]) => /\/\/localhost\b/i.test(url))) return;
  const dns = require('node:dns');
  const { lookup } = dns;
  const patched = function (hostname, ...rest) {
    return lookup.call(this, BELOW_LOCALHOST.test(hostname) ? 'localhost' : hostname, ...rest);
  };
  dns.lookup = Object.defineProperties(patched, Object.getOwnPropertyDescriptors(lookup)); // how promisify treats it, too
}

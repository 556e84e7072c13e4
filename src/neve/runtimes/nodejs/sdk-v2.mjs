// The AWS SDK for JavaScript v2 does not know AWS_ENDPOINT_URL (v3 does). When user code loads it, wherever from, clients
// that name no endpoint of their own are sent where the variables say, as v3 would.
import { require } from './builtins.mjs';

const Module = require('node:module');
const MAY_BE_SDK = /(?:^|[\\/])(?:aws-sdk|aws|core)(?:\.js)?$|aws-sdk[\\/]/;
const done = new WeakSet();

/** Watch what is loaded, when there is an endpoint to set at all. */
export function watchForSdk() {
  const { env } = process;
  if (env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return;
  if (!Object.keys(env).some((name) => name.startsWith('AWS_ENDPOINT_URL'))) return;
  const load = Module._load;
  Module._load = function _load(request, ...rest) {
    const exports = load.call(this, request, ...rest);
    if (MAY_BE_SDK.test(request) && isSdk(exports)) redirect(exports);
    return exports;
  };
}

/** Asked by `in` first: Node warns of a property that a half loaded module does not have yet when it is read. */
function isSdk(exports) {
  if (exports === null || !['object', 'function'].includes(typeof exports)) return false;
  if (!('VERSION' in exports) || !('Service' in exports)) return false;
  return typeof exports.VERSION === 'string' && exports.VERSION.startsWith('2.') && typeof exports.Service === 'function';
}

function redirect(sdk) {
  if (done.has(sdk)) return;
  done.add(sdk);
  const { prototype } = sdk.Service;
  const { initialize } = prototype;
  prototype.initialize = function redirected(options) {
    return initialize.call(this, withEndpoint(sdk, this, options));
  };
}

function withEndpoint(sdk, client, options) {
  const serviceWide = sdk.config?.[client.serviceIdentifier];
  if (options?.endpoint || serviceWide?.endpoint || sdk.config?.endpoint) return options;
  const endpoint = endpointOf(client);
  if (!endpoint) return options;
  const pathStyle = options?.s3ForcePathStyle ?? serviceWide?.s3ForcePathStyle ?? true;
  return { ...options, endpoint, s3ForcePathStyle: pathStyle };
}

function endpointOf(client) {
  const id = client.api?.serviceId ?? client.api?.metadata?.serviceId ?? client.serviceIdentifier ?? '';
  const name = `AWS_ENDPOINT_URL_${id.replaceAll(/[^A-Za-z0-9]/g, '_').toUpperCase()}`;
  return process.env[name] ?? process.env.AWS_ENDPOINT_URL;
}

// What a function asks of others over HTTP: method, host, path, when, how it was answered. Told when an invocation ends, and
// again of what was open then. Never a query, a body or a header: they may hold a key.
import { require } from './builtins.mjs';
import { siteOf, toldFrames } from './leak-stacks.mjs';

const channels = require('node:diagnostics_channel');
const { performance } = require('node:perf_hooks'); // the user's may be another

const MOST_TOLD = 200; // of one invocation
const MOST_PLACES = 50; // to read a stack takes some 20 µs
const LONGEST = 300;
const LEAST_WAITED = 1; // ms: less is no waiting
const CREDENTIAL = /Credential=[^/,\s]+\/\d+\/[\w-]+\/([\w-]+)\/aws4_request/;

/**
 * @typedef {object} Call
 * @property {object} request of Node's http client, or of undici (fetch)
 * @property {string | undefined} origin the invocation that made it
 * @property {number} began by `performance.now()`, as `ended`
 * @property {number | undefined} ended
 * @property {number | undefined} status
 * @property {string | undefined} error
 * @property {boolean} sent whether it left the process, as far as is known
 * @property {string | undefined} id once it was told
 */

export class Calls {
  #channel;
  #underWay;
  #places;
  #of = new WeakMap();
  /** @type {Set<Call>} those with news */
  #news = new Set();
  #prefix = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #untold = 0;

  /**
   * @param {import('./channel.mjs').Channel} channel
   * @param {import('./leak-work.mjs').UnderWay} underWay whose work is whose
   * @param {boolean} places whether to tell the lines that made them
   */
  constructor(channel, underWay, places) {
    this.#channel = channel;
    this.#underWay = underWay;
    this.#places = places;
  }

  enable() {
    const on = (name, take) => channels.subscribe(name, this.#underWay.guarded(take));
    on('http.client.request.created', ({ request }) => this.#begin(request));
    on('http.client.request.start', ({ request }) => this.#begin(request));
    on('http.client.response.finish', ({ request, response }) => this.#answered(request, response.statusCode));
    on('http.client.request.error', ({ request, error }) => this.#end(request, error));
    on('undici:request:create', ({ request }) => this.#begin(request));
    on('undici:client:sendHeaders', ({ request }) => this.#sent(request));
    on('undici:request:headers', ({ request, response }) => this.#answered(request, response.statusCode));
    on('undici:request:trailers', ({ request }) => this.#end(request));
    on('undici:request:error', ({ request, error }) => this.#end(request, error));
  }

  /** @returns {boolean} whether there is anything to tell */
  get any() {
    return this.#news.size > 0;
  }

  /**
   * Tell what is new. What is still open is told as such, and once more when it has ended.
   * @param {number} [waited] how long the invocation's answer has waited, ms
   */
  tell(waited = 0) {
    if (this.#news.size === 0 && waited < LEAST_WAITED) return;
    const now = performance.now();
    const calls = [];
    for (const call of this.#news) {
      if (calls.length < MOST_TOLD) calls.push(this.#told(call, now, this.#places && calls.length < MOST_PLACES));
      else this.#untold += 1;
    }
    this.#news.clear();
    this.#say(now, calls, waited);
  }

  /**
   * A request of a leak is over. Its invocation is, too, and maybe none comes after which it could be told.
   * @param {object | undefined} request
   */
  tellNow(request) {
    const call = this.#of.get(request);
    if (call === undefined) return;
    this.#end(request);
    this.#news.delete(call);
    const now = performance.now();
    this.#say(now, [this.#told(call, now, true)], 0);
  }

  #say(now, calls, waited) {
    const at = micro(performance.timeOrigin + now);
    this.#channel.tellCalls({ at, calls, more: this.#untold, waited: waited < LEAST_WAITED ? undefined : micro(waited) });
    this.#untold = 0;
  }

  #begin(request) {
    if (this.#of.has(request)) return;
    const origin = this.#underWay.token?.id;
    const call = { request, origin, began: performance.now(), ended: undefined, status: undefined, error: undefined, sent: false, id: undefined };
    this.#of.set(request, call);
    this.#add(call);
    if (request.once) request.once('close', () => this.#end(request)); // an answer of Node's own client has been read
  }

  #add(call) {
    if (this.#news.size < MOST_TOLD * 5) this.#news.add(call);
    else this.#untold += 1;
  }

  #sent(request) {
    const call = this.#of.get(request);
    if (call) call.sent = true;
  }

  #answered(request, status) {
    const call = this.#of.get(request);
    if (call) Object.assign(call, { status, sent: true });
  }

  #end(request, error) {
    const call = this.#of.get(request);
    if (call === undefined || call.ended !== undefined) return;
    call.ended = performance.now();
    if (error !== undefined) call.error = String(error?.code ?? error?.name ?? 'error');
    if (call.id !== undefined) this.#add(call);
  }

  #told(call, now, place) {
    call.id ??= `${this.#prefix}.${++this.#count}`;
    const { request, origin, began, ended, status, error } = call;
    const work = this.#underWay.of(request);
    const frames = place ? siteOf(work)?.frames : undefined;
    return {
      id: call.id,
      origin: origin ?? null,
      ...(request.getHeader ? ofHttp(request) : ofFetch(request)),
      ago: micro(now - began),
      took: ended === undefined ? null : micro(ended - began),
      status,
      error,
      sent: call.sent || ended !== undefined || (request.socket ? !request.socket.connecting : false),
      leak: work?.leak?.id,
      stacks: frames && [toldFrames(frames)],
    };
  }
}

function micro(ms) {
  return Math.round(ms * 1000) / 1000;
}

function ofHttp(request) {
  const header = (name) => text(request.getHeader(name));
  return named(request.method, `${request.protocol}//${header('host') || request.host}`, request.path, header);
}

function ofFetch(request) {
  const headers = request.headers;
  const pairs = Array.isArray(headers) ? headers : String(headers ?? '').split(/: |\r\n/);
  const header = (name) => {
    for (let at = 0; at + 1 < pairs.length; at += 2) if (String(pairs[at]).toLowerCase() === name) return text(pairs[at + 1]);
    return '';
  };
  return named(request.method, String(request.origin), request.path, header);
}

function named(method, origin, path, header) {
  return {
    method,
    to: origin.slice(0, LONGEST),
    path: String(path ?? '').split('?')[0].slice(0, LONGEST),
    service: CREDENTIAL.exec(header('authorization'))?.[1],
    target: header('x-amz-target') || undefined,
  };
}

function text(value) {
  return value === undefined ? '' : String(value);
}

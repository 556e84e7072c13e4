// The frame protocol (docs/frames.md): frame = length:u32 kind:u8 header_length:u32 header body. Pure: no I/O here.

export const INVOKE = 1;
export const NEXT = 2;
export const RESPONSE = 3;
export const ERROR = 4;
export const INIT_ERROR = 5;
export const STREAM_START = 6;
export const CHUNK = 7;
export const STREAM_END = 8;
export const WAITING = 9;
export const ASSIGN = 10;
export const LEAK = 11;
export const DIAGNOSE = 12;
export const DIAGNOSIS = 13;
export const CALLS = 14;

const PREFIX = 4;
const FIXED = 9; // length, kind, header length

/**
 * @param {number} kind
 * @param {string} header JSON text
 * @param {string | Uint8Array} body
 * @returns {Buffer} the whole frame
 */
export function encodeFrame(kind, header, body) {
  const headerLength = Buffer.byteLength(header);
  const bodyLength = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const frame = Buffer.allocUnsafe(FIXED + headerLength + bodyLength);
  frame.writeUInt32BE(FIXED - PREFIX + headerLength + bodyLength, 0);
  frame[4] = kind;
  frame.writeUInt32BE(headerLength, 5);
  frame.write(header, FIXED);
  if (typeof body === 'string') frame.write(body, FIXED + headerLength);
  else frame.set(body, FIXED + headerLength);
  return frame;
}

/**
 * @param {Buffer} frame a whole frame
 * @returns {{kind: number, header: object, body: string}} nothing in it shares memory with `frame`
 */
export function decodeFrame(frame) {
  const bodyStart = FIXED + frame.readUInt32BE(5);
  return { kind: frame[4], header: JSON.parse(frame.utf8Slice(FIXED, bodyStart)), body: frame.utf8Slice(bodyStart, frame.length) };
}

/** Cuts a stream of bytes into frames. A frame that lies in one piece is decoded without a copy. */
export class FrameReader {
  #onFrame;
  #partial = null; // first the length prefix alone, then the whole frame
  #filled = 0;

  /** @param {(frame: ReturnType<typeof decodeFrame>) => void} onFrame */
  constructor(onFrame) {
    this.#onFrame = onFrame;
  }

  /** @param {Buffer} bytes may be reused by the caller afterwards */
  push(bytes) {
    let at = 0;
    while (at < bytes.length) at = this.#partial ? this.#fill(bytes, at) : this.#take(bytes, at);
  }

  #take(bytes, at) {
    if (bytes.length - at >= PREFIX) {
      const end = at + PREFIX + bytes.readUInt32BE(at);
      if (end <= bytes.length) {
        this.#onFrame(decodeFrame(bytes.subarray(at, end)));
        return end;
      }
    }
    this.#partial = Buffer.allocUnsafe(PREFIX);
    this.#filled = 0;
    return at;
  }

  #fill(bytes, at) {
    const copied = bytes.copy(this.#partial, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === this.#partial.length) this.#full();
    return at + copied;
  }

  #full() {
    const partial = this.#partial;
    if (partial.length > PREFIX) {
      this.#partial = null;
      this.#onFrame(decodeFrame(partial));
      return;
    }
    this.#partial = Buffer.allocUnsafe(PREFIX + partial.readUInt32BE(0));
    partial.copy(this.#partial);
  }
}

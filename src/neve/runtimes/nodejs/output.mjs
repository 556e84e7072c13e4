// Bytes to a descriptor, now: what is written is in the kernel when the call returns, so that a process that ends or
// freezes in the next instruction loses nothing.
import { fs } from './builtins.mjs';

const LONGEST_WAIT_MS = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Stand still. @param {number} ms */
export function pause(ms) {
  Atomics.wait(sleeper, 0, 0, ms);
}

/**
 * Write all of `bytes`. A descriptor may be non-blocking (libuv makes the channel so, and user code that touches
 * process.stdout the output pipe): a full one is waited for. Other errors are thrown as `fs` throws them.
 * @param {number} fd
 * @param {Uint8Array} bytes
 */
export function writeFully(fd, bytes) {
  let written = 0;
  let waitMs = 0.05;
  while (written < bytes.length) {
    try {
      written += fs.writeSync(fd, bytes, written);
      waitMs = 0.05;
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      pause(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }
}

/**
 * Write what a non-blocking descriptor takes now.
 * @param {number} fd
 * @param {Uint8Array} bytes
 * @returns {number} how many bytes it took
 */
export function writeAvailable(fd, bytes) {
  try {
    return bytes.length > 0 ? fs.writeSync(fd, bytes) : 0;
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error;
    return 0;
  }
}

const OUTPUT = 1;
const HEADER_LENGTH = 16;
const MARK = 0xa55a0080;

/**
 * Write one log event as a frame of the log pipe (docs/frames.md, "Output").
 * @param {number} type frame type with its level bits
 * @param {number} timeMs Unix milliseconds
 * @param {string} text
 * @param {string} [leftOver] the earlier invocation whose work speaks: a mark before the event says so
 */
export function writeLogFrame(type, timeMs, text, leftOver) {
  const event = frame(type, timeMs, text);
  const bytes = leftOver === undefined ? event : Buffer.concat([frame(MARK, timeMs, leftOver), event]);
  try {
    writeFully(OUTPUT, bytes);
  } catch {
    // Nobody reads, or user code closed the descriptor: a log line is no reason to fail an invocation.
  }
}

function frame(type, timeMs, text) {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEADER_LENGTH + length);
  const timeUs = timeMs * 1000;
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(length, 4);
  bytes.writeUInt32BE(Math.floor(timeUs / 0x100000000), 8);
  bytes.writeUInt32BE(timeUs % 0x100000000, 12);
  bytes.write(text, HEADER_LENGTH);
  return bytes;
}

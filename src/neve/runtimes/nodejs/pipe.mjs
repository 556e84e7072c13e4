// The inherited socket as a stream of bytes. Reading goes through the event loop, so that it can be let go of (`unref`);
// writing is synchronous (output.mjs).
//
// The raw handle spares the load of node:net, 2 ms of a 21 ms process start (Node 24). It is reached by the deprecated
// `process.binding`, which every Node from 18 to 24 has; without it, or where asking for it would print a warning, the
// same is done with node:net.

import { fs } from './builtins.mjs';

const CHUNK_BYTES = 65536;

/**
 * @typedef {object} Pipe
 * @property {() => void} ref keep the process alive
 * @property {() => void} unref let the process end when it has nothing else to do
 * @property {object} shown what process._getActiveHandles() would show of it
 */

/**
 * @param {number} fd
 * @param {(bytes: Buffer) => void} onBytes the bytes are only good during the call
 * @param {() => void} onEnd
 * @returns {Promise<Pipe>}
 */
export async function openPipe(fd, onBytes, onEnd) {
  return rawIsQuiet() ? openRaw(fd, onBytes, onEnd) : openSocket(fd, onBytes, onEnd);
}

/**
 * What has arrived on an open pipe (which is non-blocking), past the event loop; the bytes are the caller's.
 * @param {number} fd
 * @returns {Buffer | undefined}
 */
export function readAvailable(fd) {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    return buffer.subarray(0, fs.readSync(fd, buffer));
  } catch {
    return undefined; // nothing is there (EAGAIN); an end or an error is for the event loop to find
  }
}

function rawIsQuiet() {
  if (typeof process.binding !== 'function' || process.env.NODE_PENDING_DEPRECATION === '1') return false;
  return !`${process.execArgv} ${process.env.NODE_OPTIONS}`.includes('--pending-deprecation');
}

function openRaw(fd, onBytes, onEnd) {
  const { Pipe, constants } = process.binding('pipe_wrap');
  const { streamBaseState, kReadBytesOrError } = process.binding('stream_wrap');
  const handle = new Pipe(constants.SOCKET);
  handle.open(fd);
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  handle.useUserBuffer(buffer);
  handle.keptBuffer = buffer; // the handle itself does not keep it from being collected
  handle.onread = () => {
    const count = streamBaseState[kReadBytesOrError];
    if (count > 0) onBytes(buffer.subarray(0, count));
    else if (count < 0) onEnd();
  };
  handle.readStart();
  return { ref: () => handle.ref(), unref: () => handle.unref(), shown: handle };
}

async function openSocket(fd, onBytes, onEnd) {
  const { Socket } = await import('node:net');
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const take = (count) => {
    onBytes(buffer.subarray(0, count));
    return true;
  };
  const socket = new Socket({ fd, readable: true, writable: false, onread: { buffer, callback: take } });
  socket.on('end', onEnd).on('error', onEnd);
  return { ref: () => socket.ref(), unref: () => socket.unref(), shown: socket };
}

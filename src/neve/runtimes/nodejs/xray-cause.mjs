// An error as X-Ray wants it: the stack taken apart into path, line and label.

const FRAME = /^\s*at\s+(?:(?<label>.*?)\s+\()?(?<path>.*?):(?<line>\d+):\d+\)?$/;

/**
 * @param {unknown} thrown
 * @returns {string | undefined} JSON; undefined when the value has no stack
 */
export function xrayCause(thrown) {
  try {
    if (typeof thrown?.stack !== 'string') return undefined;
    const stack = framesOf(thrown.stack);
    const exception = { type: thrown.name, message: thrown.message, stack };
    const paths = [...new Set(stack.map((frame) => frame.path))];
    return JSON.stringify({ working_directory: process.cwd(), exceptions: [exception], paths });
  } catch {
    return undefined;
  }
}

function framesOf(stack) {
  const frames = [];
  for (const line of stack.split('\n')) {
    const groups = FRAME.exec(line)?.groups;
    if (groups) frames.push({ path: groups.path, line: Number(groups.line), label: groups.label ?? 'anonymous' });
  }
  return frames;
}

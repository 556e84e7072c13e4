// Prints 20 KB: two hundred lines of a hundred bytes, of characters that need two.
export const handler = async () => {
  for (let line = 0; line < 200; line += 1) process.stdout.write(`${String(line).padStart(5)}:${'ž'.repeat(46)}.\n`);
};

import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

let computed = 0;

async function expensiveKey() {
  computed += 1;
  return promisify(pbkdf2)('password', 'salt', 20000, 32, 'sha256');
}

console.log('computing the key');
const key = await expensiveKey();

export const handler = async () => ({ computed, key: key.toString('hex') });

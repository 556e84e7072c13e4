// Redis by a client that connects when it is made, keeps the connection, and reports by promise and by callback.
import { Redis } from 'ioredis';

const redis = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT), commandTimeout: 15_000 });
const later = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT), lazyConnect: true, keepAlive: 1000 });

export const handler = async ({ n }) => {
  await redis.set('n', n);
  const [one, two] = await Promise.all([redis.get('n'), later.get('n')]);
  const called = await new Promise((resolve, reject) => redis.get('n', (error, value) => (error ? reject(error) : resolve(value))));
  const piped = await redis.pipeline().set('m', n).get('m').exec();
  console.log(one, two, called, piped.length);
  return Number(one);
};

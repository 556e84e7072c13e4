// A pool of database connections that is made in the init phase and filled by the invocations.
const { Pool } = require('pg');

const pool = new Pool({ host: '127.0.0.1', port: Number(process.env.PG_PORT), user: 'app', max: 3, idleTimeoutMillis: 2000 });
pool.on('error', (error) => console.error('pool', error));

async function inTransaction(work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } finally {
    client.release();
  }
}

const counted = (client) => client.query('SELECT n FROM orders').then(({ rows }) => rows[0].n);

exports.handler = async ({ n }) => {
  const side = Array.from({ length: 1 + (n % 4) }, (_, index) => pool.query('SELECT $1 AS n', [index]));
  await Promise.all(side);
  const called = new Promise((resolve, reject) =>
    pool.query('SELECT n FROM orders', (error, { rows }) => (error ? reject(error) : resolve(rows[0].n))),
  );
  console.log('counted', await called, await inTransaction(counted));
  return n;
};

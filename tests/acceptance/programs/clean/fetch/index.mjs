// The global fetch, whose connections are kept: side by side, with a time limit, with bodies that nobody reads.
const url = process.env.STORE_URL;

export const handler = async ({ n }) => {
  await fetch(`${url}/a`, { method: 'PUT', body: JSON.stringify({ n }) });
  const answers = await Promise.all([1, 2, 3].map(() => fetch(`${url}/a`, { signal: AbortSignal.timeout(15_000) })));
  const [first] = await Promise.all(answers.map((answer) => answer.json()));
  const missing = await fetch(`${url}/nowhere`);
  await missing.body.cancel();
  const gone = await fetch(`${url}/a`, { method: 'DELETE' });
  const controller = new AbortController();
  const late = fetch(`${url}/slow`, { signal: controller.signal });
  controller.abort();
  const refused = await late.catch((error) => error.name);
  console.log(first.n, missing.status, gone.status, refused);
  return first.n;
};

export const handler = async (event) => {
  const answer = await fetch(process.env.STORE_URL + event.path, { method: 'PUT', body: event.text });
  return { status: answer.status };
};

const query = async (name) => (await fetch(`${process.env.STORE}/${name}`)).json();

export const handler = async () => {
  const stock = await query('stock');
  const prices = await query('prices'); // needs nothing of the first one
  return { stock, prices };
};

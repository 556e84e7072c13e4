const query = async (name) => (await fetch(`${process.env.STORE_URL}/${name}`)).text();

export const inARow = async () => {
  const stock = await query('stock');
  const prices = await query('prices');
  return { stock, prices };
};

export const sideBySide = async () => {
  const [stock, prices] = await Promise.all([query('stock'), query('prices')]);
  return { stock, prices };
};

export const handler = (event) => (event.together ? sideBySide() : inARow());

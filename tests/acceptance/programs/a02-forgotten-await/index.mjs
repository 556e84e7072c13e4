const { STORE_URL } = process.env;

async function saveInvoice(id) {
  await fetch(`${STORE_URL}/uploads/${id}`, { method: 'POST' }); // leave to upload
  await fetch(`${STORE_URL}/invoices/${id}`, { method: 'PUT', body: `invoice ${id}` });
}

export const handler = async (event) => {
  saveInvoice(event.id); // forgotten: await
  if (event.after) await fetch(STORE_URL + event.after);
  return { id: event.id };
};

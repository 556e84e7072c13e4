// axios and plain http, both over agents that keep connections; time limits, a refusal and a cancelled request.
const axios = require('axios');
const http = require('http');

const agent = new http.Agent({ keepAlive: true, maxSockets: 2, timeout: 3000 });
const api = axios.create({ baseURL: process.env.STORE_URL, httpAgent: agent, timeout: 15_000 });
api.interceptors.response.use((response) => (console.log(response.status, response.config.url), response));

const get = (path) =>
  new Promise((resolve, reject) => {
    const options = { agent: new http.Agent({ keepAlive: true }), timeout: 15_000 };
    const request = http.get(process.env.STORE_URL + path, options, (answer) => {
      answer.setEncoding('utf8');
      let text = '';
      answer.on('data', (piece) => (text += piece)).on('end', () => (options.agent.destroy(), resolve(text)));
    });
    request.on('error', reject).on('timeout', () => request.destroy(new Error('late')));
  });

exports.handler = async ({ n }) => {
  await api.put('/axios', { n });
  const answers = await Promise.all([1, 2, 3, 4].map(() => api.get('/axios')));
  const missing = await api.get('/nowhere').catch((error) => error.response.status);
  const controller = new AbortController();
  const cancelled = api.get('/slow', { signal: controller.signal }).catch((error) => error.code);
  controller.abort();
  console.log(answers.length, missing, await cancelled, await get('/axios'));
  return n;
};

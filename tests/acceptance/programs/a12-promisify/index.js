const fs = require('fs');
const path = require('path');
const { promisify } = require('util');

const readFile = promisify(fs.readFile);

exports.handler = async (event) => {
  const template = await readFile(path.join(__dirname, 'greeting.txt'), 'utf8');
  return template.trim().replace('NAME', event.name);
};

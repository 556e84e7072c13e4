const fs = require('fs');

exports.handler = function (event) {
  fs.readFile(__filename, 'utf8', (error, text) => {
    console.log(text.includes('exports.handler') ? 'read myself' : 'read somebody else');
  });
};

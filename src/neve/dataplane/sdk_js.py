"""The AWS SDK for JavaScript v3 for functions that do not bring it: part of Lambda's runtimes, too large to come with Neve.

`neve runtimes install aws-sdk-js` has npm, which comes with Node.js, fetch the clients that most functions use;
`neve runtimes install @aws-sdk/client-ec2` adds one. A folder of the cache (`node-packages-3`) appears as a whole.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neve.dataplane.binaries import Places, wheel_node
from neve.dataplane.workplace import workplace
from neve.domain.errors import OperatorError

NAME = "aws-sdk-js"
USUAL = tuple(
    f"@aws-sdk/{name}"
    for name in (
        *("client-apigatewaymanagementapi", "client-appconfigdata", "client-bedrock-runtime", "client-cloudwatch"),
        *("client-cloudwatch-logs", "client-cognito-identity-provider", "client-dynamodb", "client-dynamodb-streams"),
        *("client-eventbridge", "client-firehose", "client-iam", "client-kinesis", "client-kms", "client-lambda"),
        *("client-rds-data", "client-s3", "client-scheduler", "client-secrets-manager", "client-ses", "client-sesv2"),
        *("client-sfn", "client-sns", "client-sqs", "client-ssm", "client-sts", "credential-providers"),
        *("lib-dynamodb", "lib-storage", "s3-request-presigner", "util-dynamodb"),
    )
)
_PACKAGE = re.compile(r"@(?:aws-sdk|smithy)/[a-z0-9-]+")
_FOLDER = re.compile(r"node-packages-(\d+)")
_NEEDLESS = ("dist-types",)  # for compilers only: a third of it
_SECONDS = 900.0
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--omit=dev", "--loglevel=error")


@dataclass(frozen=True, slots=True)
class Packages:
    """What is there: `folder` has `node_modules`; `names` are the packages that were asked for, with their versions."""

    folder: Path
    names: Mapping[str, str]


def is_meant_by(identifier: str) -> bool:
    """Whether `neve runtimes install IDENTIFIER` asks for the SDK or one of its packages."""
    return identifier == NAME or _PACKAGE.fullmatch(identifier) is not None


def newest(cache: Path) -> Path | None:
    """The folder that functions get; None when nothing was installed."""
    found = [(int(match[1]), path) for path in _listed(cache) if (match := _FOLDER.fullmatch(path.name))]
    return max(found)[1] if found else None


def packages_in(folder: Path) -> Packages:
    """What was installed there. OperatorError when it is not what it should be."""
    try:
        names = json.loads((folder / "package.json").read_text())["dependencies"]
        versions = {name: json.loads((folder / "node_modules" / name / "package.json").read_text()) for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise OperatorError(f"{folder} is damaged ({error}); remove it and install again") from error
    return Packages(folder, {name: version["version"] for name, version in versions.items()})


def install(identifier: str, places: Places, on_fetch: Callable[[], None] = lambda: None) -> tuple[Packages, bool]:
    """Have these packages beside those that are there; whether anything was fetched. Blocks for the time of a download.

    OperatorError when the registry cannot be reached or has no such package.
    """
    wanted = USUAL if identifier == NAME else (identifier,)
    before = newest(places.cache)
    have = packages_in(before) if before is not None else None
    if have is not None and not set(wanted) - have.names.keys():
        return have, False
    with workplace(places.cache) as folder:
        on_fetch()
        root = folder / "root"
        root.mkdir()
        names = sorted({*wanted, *(have.names if have is not None else ())})
        (root / "package.json").write_text(json.dumps({"private": True, "dependencies": dict.fromkeys(names, "*")}))
        _fetch(root)
        _tidy(root)
        place = places.cache / f"node-packages-{_number(before) + 1}"
        root.rename(place)
    for older in _listed(places.cache):
        if _FOLDER.fullmatch(older.name) and _number(older) < _number(place) - 1:  # the last one may still be started
            shutil.rmtree(older, ignore_errors=True)
    return packages_in(place), True


def _fetch(root: Path) -> None:
    """npm compares what comes with the hashes that the registry tells."""
    node = wheel_node().path
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        ran = subprocess.run(
            [str(node), str(npm), "install", *_QUIET],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OperatorError(f"the download took longer than {_SECONDS:.0f} seconds; try again") from None
    if ran.returncode:
        raise OperatorError(_why_not(ran.stderr))


def _why_not(said: str) -> str:
    """One sentence of what npm says in many."""
    if missing := re.search(r"404.*?'((?:@[\w-]+/)?[\w.-]+)@", said):
        return f"the npm registry has no package {missing[1]}"
    if re.search(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network", said):
        return "the npm registry cannot be reached: this needs the network, or a registry that npm is set up for"
    lines = [line.split(" ", 2)[-1] for line in said.splitlines() if line.startswith("npm error")]
    return f"npm could not fetch it: {lines[0] if lines else 'it does not say why'}"


def _tidy(root: Path) -> None:
    for needless in [path for name in _NEEDLESS for path in root.rglob(name)]:
        shutil.rmtree(needless, ignore_errors=True)
    shutil.rmtree(root / "node_modules" / ".bin", ignore_errors=True)
    for made in (root, *root.rglob("*")):
        if not made.is_symlink():
            made.chmod(0o755 if made.is_dir() else 0o644)  # functions are other users


def _listed(cache: Path) -> list[Path]:
    try:
        return list(cache.iterdir())
    except OSError:
        return []


def _number(folder: Path | None) -> int:
    match = _FOLDER.fullmatch(folder.name) if folder is not None else None
    return int(match[1]) if match else 0

"""serverless-offline: functions in worker threads (Node.js) or a process for each call (Python), nothing isolated.

Version 13 with serverless 3: later ones need an account of its maker.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import cache
from bench.peers.node import node, node_version, write
from bench.peers.peer import PATH, Target
from bench.peers.process import free_port, listens, process, wait_for
from bench.programs import NODE, Program


class ServerlessOffline:
    """One process for all functions."""

    name = "serverless-offline"

    def install(self) -> str:
        modules = _folder() / "node_modules"
        versions = [
            json.loads((modules / each / "package.json").read_text())["version"]
            for each in ("serverless-offline", "serverless")
        ]
        return f"{versions[0]} with serverless {versions[1]}, Node.js {node_version()}"

    @contextmanager
    def open(self, programs: Sequence[Program]) -> Iterator[Mapping[str, Target]]:
        with TemporaryDirectory() as folder:
            place, ports = Path(folder), [free_port() for _ in range(4)]
            (place / "node_modules").symlink_to(_folder() / "node_modules")
            for each in programs:
                write(place, each)
            (place / "serverless.yml").write_text(json.dumps(_service(programs)))  # JSON is YAML
            options = [
                "--host",
                "127.0.0.1",
                "--httpPort",
                ports[0],
                "--lambdaPort",
                ports[1],
                "--websocketPort",
                ports[2],
            ]
            options += ["--albPort", ports[3], "--noPrependStageInUrl", "--noTimeout", "--dockerHost", "127.0.0.1"]
            command: list[str | Path] = [
                node(),
                place / "node_modules" / "serverless" / "bin" / "serverless.js",
                "offline",
                *map(str, options),
            ]
            environment = {
                "PATH": f"{node().parent}:/usr/bin:/bin",
                "HOME": folder,
                "CI": "1",
                "SLS_TELEMETRY_DISABLED": "1",
                "SLS_NOTIFICATIONS_MODE": "off",
                "SLS_ANALYTICS_DISABLED": "1",
            }
            with process(command, environment, place) as started:
                wait_for(lambda: listens(ports[1]), started, 60, self.name)
                yield {
                    each.name: Target(ports[1], PATH.format(f"bench-dev-{each.name}"), each.event) for each in programs
                }


def _folder() -> Path:
    return cache.node_packages("serverless-offline", "serverless@3", "serverless-offline@13")


def _service(programs: Sequence[Program]) -> dict[str, object]:
    functions = {
        each.name: {
            "handler": f"{each.name}/index.handler",
            "runtime": "nodejs20.x" if each.language == NODE else "python3.11",
            "memorySize": each.memory_mb,
            "timeout": 60,
            "events": [{"http": {"path": each.name, "method": "get"}}],
        }
        for each in programs
    }
    return {
        "service": "bench",
        "frameworkVersion": "3",
        "configValidationMode": "off",
        "provider": {"name": "aws", "stage": "dev", "region": "us-east-1"},
        "plugins": ["serverless-offline"],
        "functions": functions,
    }

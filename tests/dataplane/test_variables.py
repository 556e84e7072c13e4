"""Every variable of lifecycle facts §6: who gets it, what it says, and who may replace it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from neve.dataplane.sandbox.sandbox import Folders
from neve.dataplane.session_keys import Given
from neve.dataplane.variables import variables
from neve.domain.function import RESERVED_VARIABLES, Code, Function, LoggingConfig
from neve.domain.world import World

FUNCTION = Function(
    world=World("111111111111", "eu-west-1"),
    name="shop",
    runtime="nodejs24.x",
    handler="app.handler",
    role="arn:aws:iam::111111111111:role/shop",
    code=Code("", 0),
    logging=LoggingConfig("/aws/lambda/shop"),
    last_modified_ms=0,
    revision_id="",
    memory_mb=512,
    version="7",
)
SEEN = Folders(Path("/var/task"), Path("/var/runtime"), Path("/opt"), Path("/var/lang"))
STREAM = "2026/02/03/[7]0123456789abcdef0123456789abcdef"
EVERYBODYS = {
    "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "_HANDLER": "app.handler",
    "AWS_ACCESS_KEY_ID": "111111111111",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
    "AWS_LAMBDA_LOG_STREAM_NAME": STREAM,
    "AWS_REGION": "eu-west-1",
    "AWS_SECRET_ACCESS_KEY": "neve",
    "AWS_SESSION_TOKEN": "neve",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "/var/lang/lib:/var/task:/var/task/lib:/opt/lib",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "PWD": "/var/task",
    "SHLVL": "0",
    "TZ": ":UTC",
}
OF_A_FAMILY = {
    "nodejs24.x": {
        "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x",
        "NODE_PATH": (
            "/opt/nodejs/node24/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"
        ),
    },
    "python3.14": {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.14",
        "LC_CTYPE": "C.UTF-8",
        "PYTHONPATH": "/var/runtime",
    },
    "provided.al2023": {"_LAMBDA_TELEMETRY_LOG_FD": "1"},
}


def given(function: Function = FUNCTION, seen: Folders = SEEN) -> dict[str, str]:
    family, major = {
        "nodejs24.x": ("nodejs", "24"),
        "python3.14": ("python", "3.14"),
        "provided.al2023": ("provided", "al2023"),
    }[function.runtime]
    return variables(
        function, family, major, STREAM, seen, "http://127.0.0.1:4566", Given("111111111111", "neve", "neve")
    )


@pytest.mark.parametrize("runtime", OF_A_FAMILY)
def test_these_and_no_others_are_set(runtime: str) -> None:
    assert given(replace(FUNCTION, runtime=runtime)) == EVERYBODYS | OF_A_FAMILY[runtime]


def test_a_wrapper_may_start_a_client_that_logs_in_frames() -> None:
    function = replace(FUNCTION, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"})
    assert given(function)["_LAMBDA_TELEMETRY_LOG_FD"] == "1"


@pytest.mark.parametrize(
    ("logging", "said"),
    [
        (LoggingConfig("/g"), {}),
        (LoggingConfig("/g", "JSON"), {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}),
        (LoggingConfig("/g", "JSON", "WARN"), {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}),
    ],
)
def test_advanced_logging_is_told(logging: LoggingConfig, said: Mapping[str, str]) -> None:
    found = given(replace(FUNCTION, logging=logging))
    assert {
        name: value for name, value in found.items() if name.startswith("AWS_LAMBDA_LOG_") and "NAME" not in name
    } == said


def test_a_user_replaces_what_is_not_reserved() -> None:
    names = [
        name for name in EVERYBODYS | OF_A_FAMILY["python3.14"] if name[0] != "_" and name not in RESERVED_VARIABLES
    ]
    mine = dict.fromkeys(names, "mine") | {"STAGE": "dev"}
    found = given(replace(FUNCTION, runtime="python3.14", environment=mine))
    assert {name: found[name] for name in mine} == mine
    assert {"PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "AWS_ENDPOINT_URL"} <= set(mine)


@pytest.mark.parametrize("name", sorted(set(EVERYBODYS) & RESERVED_VARIABLES))
def test_what_is_reserved_is_never_the_users(name: str) -> None:
    """The control plane refuses it; a function of before a name became reserved may have it all the same."""
    assert given(replace(FUNCTION, environment={name: "mine"}))[name] == EVERYBODYS[name]


def test_what_the_specification_reserves_is_reserved() -> None:
    assert {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_MAX_CONCURRENCY"),
        *("AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"),
        "_LAMBDA_TELEMETRY_LOG_FD",
    } <= set(RESERVED_VARIABLES)
    may_be_set = {"LANG", "PATH", "LD_LIBRARY_PATH", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "PYTHONPATH", "GEM_PATH"}
    assert not (may_be_set | {"AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "TZ"}) & set(RESERVED_VARIABLES)


def test_layers_that_are_elsewhere_are_looked_for_there() -> None:
    seen = replace(SEEN, layers=Path("/data/layers/1"), language=None)
    assert given(seen=seen)["PATH"].endswith(":/data/layers/1/bin")
    assert given(seen=seen)["NODE_PATH"].startswith("/data/layers/1/nodejs/node24/node_modules:")
    python = given(replace(FUNCTION, runtime="python3.14"), seen)["PYTHONPATH"]
    assert python == "/data/layers/1/python/lib/python3.14/site-packages:/data/layers/1/python:/var/runtime"

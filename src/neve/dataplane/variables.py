"""The environment variables that a function's processes begin with. Source: lifecycle facts §6."""

from collections.abc import Mapping
from pathlib import Path

from neve.dataplane.sandbox.sandbox import Folders
from neve.dataplane.session_keys import Given
from neve.domain.function import Function


def variables(
    function: Function, family: str, major: str, log_stream: str, seen: Folders, endpoint: str, given: Given
) -> dict[str, str]:
    """What the platform sets, then what the user set; a user may not set a reserved key, the control plane sees to that.

    `seen` are the folders as the function sees them; `endpoint` is our own door, for the SDKs inside functions, and `given` what
    they sign with.
    """
    return {
        **_defaults(family, major, seen),
        **_neighbours(endpoint),
        **(function.environment or {}),
        **_reserved(function, family, log_stream, seen, given),
    }


def of_no_function(identifier: str, family: str, major: str, seen: Folders) -> dict[str, str]:
    """What is known before it is known for which function."""
    return {
        **_defaults(family, major, seen),
        "AWS_EXECUTION_ENV": _execution_env(identifier),
        "LAMBDA_RUNTIME_DIR": str(seen.runtime),
    }


def with_language(path: str, folder: Path) -> str:
    """PATH where the interpreter is not at `/var/lang`: what asks for `node` or `python3` finds the function's own."""
    return ":".join(str(folder) if each == _LANGUAGE else each for each in path.split(":"))


WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
"""A script of the user's that is started instead of the runtime, with the runtime as its arguments."""
_LANGUAGE = "/var/lang/bin"
# Nobody listens there: SDKs send without waiting, and would complain without an address.
_XRAY_DAEMON = ("127.0.0.1", "2000")
_HIDDEN = frozenset(
    {
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS"),
        *("LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT"),
    }
)


def hidden_from_extensions(environment: Mapping[str, str]) -> list[str]:
    """Those that extensions do not get: what is about the runtime alone, and all that begin with an underscore."""
    return [name for name in environment if name in _HIDDEN or name.startswith("_")]


def _defaults(family: str, major: str, seen: Folders) -> dict[str, str]:
    """What a user may replace."""
    values = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{_LANGUAGE}:/usr/local/bin:/usr/bin/:/bin:{_layers(seen)}/bin",
        "LD_LIBRARY_PATH": _library_path(seen),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": ":".join(_XRAY_DAEMON),
        "PWD": str(seen.task_root),
        "SHLVL": "0",
    }
    if family == "nodejs":
        values["NODE_PATH"] = _node_path(major, seen)
    if family == "python":
        values |= {"PYTHONPATH": _python_path(major, seen), "LC_CTYPE": "C.UTF-8"}
    return values


def _python_path(major: str, seen: Folders) -> str:
    """The runtime client looks in `/opt` by itself; layers that are elsewhere (`bare`) it has to be told of."""
    if seen.layers is None or seen.layers == Path("/opt"):
        return str(seen.runtime)
    layers = seen.layers / "python"
    return ":".join(map(str, (layers / "lib" / f"python{major}" / "site-packages", layers, seen.runtime)))


def _library_path(seen: Folders) -> str:
    # Only folders that are the function's own: naming the host's would make its binaries load another libc than theirs.
    # An interpreter that was moved finds its libraries no other way.
    moved = [seen.language / "lib"] if seen.language else []
    folders = (*moved, seen.task_root, seen.task_root / "lib", _layers(seen) / "lib")
    return ":".join(str(folder) for folder in folders)


def _layers(seen: Folders) -> Path:
    return seen.layers or Path("/opt")


def _node_path(major: str, seen: Folders) -> str:
    layers = _layers(seen) / "nodejs"
    own = seen.runtime
    packages = () if seen.packages is None else (seen.packages / "node_modules",)
    folders = (layers / f"node{major}" / "node_modules", layers / "node_modules", *packages, own / "node_modules", own)
    return ":".join(str(folder) for folder in (*folders, seen.task_root))


def _neighbours(endpoint: str) -> dict[str, str]:
    """How SDKs find us; a user who sets another endpoint gets that one."""
    return {"AWS_ENDPOINT_URL": endpoint}


def _reserved(function: Function, family: str, log_stream: str, seen: Folders, given: Given) -> Mapping[str, str]:
    values = {
        "_HANDLER": function.handler,
        "AWS_DEFAULT_REGION": function.world.region,
        "AWS_REGION": function.world.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logging.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret,
        "AWS_SESSION_TOKEN": given.token,
        "LAMBDA_TASK_ROOT": str(seen.task_root),
        "LAMBDA_RUNTIME_DIR": str(seen.runtime),
    }
    values["_AWS_XRAY_DAEMON_ADDRESS"], values["_AWS_XRAY_DAEMON_PORT"] = _XRAY_DAEMON
    if family == "provided" or WRAPPER in (function.environment or {}):
        values["_LAMBDA_TELEMETRY_LOG_FD"] = "1"  # frames and raw lines share one pipe
    if family != "provided":
        values["AWS_EXECUTION_ENV"] = _execution_env(function.runtime)
    if function.logging.log_format == "JSON":
        values["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        values["AWS_LAMBDA_LOG_LEVEL"] = function.logging.application_log_level or "INFO"
    return values


def _execution_env(identifier: str) -> str:
    return f"AWS_Lambda_{identifier}"

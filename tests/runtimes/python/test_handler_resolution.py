"""From the handler's name to the handler, and what is said when there is none (facts §1)."""

from pathlib import Path

import pytest
from tests.runtimes.python.scripted import Start

UNHANDLED = "\t\tLAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code."


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("app", "Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
        ("sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
        ("gone.handler", "Runtime.ImportModuleError", "Unable to import module 'gone': No module named 'gone'"),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
    ],
)
def test_a_handler_that_cannot_be_found_is_an_init_error(
    python: str, start: Start, handler: str, error_type: str, message: str
) -> None:
    runtime = start(python, "", handler)
    error = runtime.init_error()
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)
    assert (error["requestId"], error["stackTrace"]) == ("", [])
    warning, logged = runtime.events()
    assert (warning.kind, logged.kind) == (0x13, 0x17)
    assert UNHANDLED in warning.text
    assert logged.text == f"[ERROR] {error_type}: {message}\nTraceback (most recent call last):"


def test_a_nested_import_error_is_named_by_the_handler_module(python: str, start: Start) -> None:
    error = start(python, "import requests_of_nobody").init_error()
    assert error["errorMessage"] == "Unable to import module 'app': No module named 'requests_of_nobody'"


def test_a_syntax_error_shows_its_line(python: str, start: Start, tmp_path: Path) -> None:
    error = start(python, "x = 1\ndef handler(event context):\n    pass\n").init_error()
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["errorMessage"].startswith("Syntax error in module 'app': invalid syntax")
    assert error["errorMessage"].endswith("(app.py, line 2)")
    assert error["stackTrace"] == [f'  File "{tmp_path}/app.py" Line 2\n    def handler(event context):\n']


def test_what_an_import_raises_keeps_its_type_and_trace(python: str, start: Start, tmp_path: Path) -> None:
    error = start(python, "def load():\n    raise KeyError('table')\nload()\n").init_error()
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'table'")
    assert error["stackTrace"][-1] == f"  File \"{tmp_path}/app.py\", line 2, in load\n    raise KeyError('table')\n"
    assert all("neve_runtime" not in entry for entry in error["stackTrace"])
    assert "importlib" in error["stackTrace"][0]


def test_an_exit_during_init_ends_the_process_without_a_word(python: str, start: Start) -> None:
    runtime = start(python, "import sys\nsys.exit(3)\n")
    with pytest.raises(EOFError):
        runtime.receive()
    assert runtime.process.wait(10) == 3


def test_a_slash_in_the_module_is_a_folder(python: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/inner.py").write_text("def main(event, context): return 'inner'")
    runtime = start(python, "", "src/inner.main")
    runtime.wait_next()
    assert runtime.result() == "inner"


def test_a_handler_that_cannot_be_called_fails_in_the_invocation(python: str, start: Start) -> None:
    runtime = start(python, "handler = 5\n")
    runtime.wait_next()
    error = runtime.error()
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", "'int' object is not callable")


def test_the_task_root_comes_first_then_layers_and_the_client_last(python: str, start: Start, tmp_path: Path) -> None:
    runtime = start(python, "import sys\ndef handler(event, context): return sys.path\n")
    runtime.wait_next()
    path = runtime.result()
    version = path[1].split("/")[4]
    assert path[:3] == [str(tmp_path), f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    assert path[-1].endswith("runtimes/python")

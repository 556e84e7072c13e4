"""What moto cannot do, said in a header that Neve makes an error of, instead of a page with a traceback."""

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Flask
from moto.moto_server.werkzeug_app import create_backend_app

from neve.neighbours.child.say import say

_OF_STACKS = ("openapi_spec_validator", "cfnlint", "graphql", "docker", "joserfc")
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def say_what_is_missing(app: Wsgi) -> Wsgi:
    """The application; what it raises becomes an empty answer with the sentence in `x-neve-refused`."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except ModuleNotFoundError as error:
            extra = "'neve[stacks]'" if error.name in _OF_STACKS else "'moto[all]'"
            status, text = "501", f"moto needs the package {error.name} for this service: pip install {extra}."
        except NotImplementedError as error:
            status, text = "501", f"moto does not do this: {_one_line(error) or 'not implemented'}."
        except Exception as error:  # noqa: BLE001 - the edge of the process: everything becomes an answer
            text = f"moto failed at this request: {type(error).__name__} {_one_line(error)}"
            say(f"{text}, at {_place(error)}")
            status = "500"
        start_response(f"{status} Refused", [("content-length", "0"), ("x-neve-refused", text)])
        return []

    return guarded


def create_known(first: Mapping[str, Callable[[], None]], service: Any) -> Flask:
    """moto's application for one of its services, `first` what is to be done before.

    NotImplementedError for a service that it does not have.
    """
    if service is None:
        raise NotImplementedError("it does not have this service")
    first.get(service, lambda: None)()
    return create_backend_app(service)


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _one_line(error: Exception) -> str:
    """Its text as a header may have it."""
    return " ".join(str(error).split())[:300].encode("ascii", "replace").decode()

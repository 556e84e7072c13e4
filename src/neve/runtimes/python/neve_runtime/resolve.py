"""From the handler's name to the handler (facts §1). Fault for what the service names, else what the import raised."""

from __future__ import annotations

import importlib
import sys

from .faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load(name: str) -> Any:
    """Import the module and take the attribute. Nobody asks whether it can be called: the first invocation will."""
    try:
        module_name, attribute = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    module = _import(module_name)
    try:
        return getattr(module, attribute)
    except AttributeError:
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from None


def _import(name: str) -> Any:
    first = name.split(".")[0]
    if first in sys.builtin_module_names:
        message = f"Cannot use built-in module {first} as a handler module"
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        return importlib.import_module(name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{name}': {error}"
        raise Fault("Runtime.ImportModuleError", message) from None
    except SyntaxError as error:
        entry = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, [entry]) from None

"""What the code of a Node.js function says without being run. Only what is sure; the names are those of the rules.

Own files only, and only what a person wrote. A name counts when it means one thing in its file.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from neve.cli.checking.advice import has_callbacks
from neve.cli.checking.code import (
    FLOATING,
    Module,
    function_around,
    gives_a_promise,
    is_async,
    is_executor,
    parse,
    shown,
    text_of,
    value_of,
)
from neve.cli.checking.targets import Target

CALLBACK_IN_ASYNC, FLOATING_PROMISE = "callback-in-async", "floating-promise"
SCRIPTS = (".js", ".mjs", ".cjs")
_TIMERS = (b"setTimeout", b"setInterval", b"setImmediate")
_ENDS = (b"done", b"succeed", b"fail")
_ERRORS = (b"err", b"error", b"_err", b"_error")
_LISTENING = (b"on", b"once", b"addListener", b"addEventListener", b"then", b"catch", b"finally", b"forEach", b"map")
_SDK = b"@aws-sdk/"
_FLAG = b"callbackWaitsForEmptyEventLoop"


class Hint(NamedTuple):
    """One: the rule, its sentence, what to do, and where."""

    rule: str
    text: str
    advice: str
    file: str
    line: int
    column: int


def hints(target: Target) -> list[Hint]:
    """Of a function, in the order of its files."""
    if not target.runtime.startswith("nodejs"):
        return []
    found: list[Hint] = []
    for file in sorted(target.files):
        module = parse(target.files[file]) if file.endswith(SCRIPTS) else None
        if module is not None:
            found += _of_calls(file, module)
            found += _of_handler(file, module, target) if file == target.entry else []
    return sorted(set(found), key=lambda each: (each.file, each.line, each.column))


# Calls whose value nobody takes


def _of_calls(file: str, module: Module) -> Iterator[Hint]:
    for call in module.nodes:
        around = function_around(call) if call.type == "call_expression" else None
        if around is None or value_of(call)[0] != FLOATING:
            continue
        told = _not_awaited(module, call) or _for_each(call) or (_in_async(module, call) if is_async(around) else None)
        if told is not None:
            rule, text, advice = told
            yield Hint(rule, text, advice, file, call.start_point[0] + 1, call.start_point[1] + 1)


_Told = tuple[str, str, str]


def _not_awaited(module: Module, call: Node) -> _Told | None:
    callee = call.child_by_field_name("function")
    if callee is None or not (_sends_command(module, call) or _gives_a_promise(module, callee)):
        return None
    whole = shown(value_of(call)[1])
    return FLOATING_PROMISE, f"nothing waits for {whole}", f"await {shown(call)}, or return its promise."


def _gives_a_promise(module: Module, callee: Node) -> bool:
    name = text_of(callee)
    function = module.function_called(name) if callee.type == "identifier" else None
    return (name == b"fetch" and not module.declared[name]) or (function is not None and gives_a_promise(function))


def _sends_command(module: Module, call: Node) -> bool:
    """`client.send(new PutObjectCommand(…))` of the AWS SDK v3, without a callback; other things are sent, too."""
    callee, given = call.child_by_field_name("function"), _arguments(call)
    if callee is None or text_of(callee.child_by_field_name("property")) != b"send" or len(given) != 1:
        return False
    command = text_of(given[0].child_by_field_name("constructor")) if given[0].type == "new_expression" else b""
    return command.endswith(b"Command") and any(
        node.type in ("import_statement", "variable_declarator") and _SDK in text_of(node) and command in text_of(node)
        for node in module.nodes
    )


def _for_each(call: Node) -> _Told | None:
    callee, given = call.child_by_field_name("function"), _arguments(call)
    if callee is None or text_of(callee.child_by_field_name("property")) != b"forEach" or not given:
        return None
    if given[0].type in ("arrow_function", "function_expression") and is_async(given[0]):
        text = "forEach does not wait for the promises of its async callback"
        return "async-for-each", text, "Use `for … of` with await, or `await Promise.all(items.map(async …))`."
    return None


def _in_async(module: Module, call: Node) -> _Told | None:
    """Inside of an async function: timers, and calls in the old style."""
    callee, given = call.child_by_field_name("function"), _arguments(call)
    if callee is None:
        return None
    if text_of(callee) in _TIMERS and not module.declared[text_of(callee)]:
        name = text_of(callee).decode()
        advice = "Await it (node:timers/promises), or clear it before you answer."
        return "floating-timer", f"nothing waits for this {name}", advice
    last = given[-1] if given else None
    listens = text_of(callee.child_by_field_name("property")) in _LISTENING
    if last is not None and not listens and last.type in ("arrow_function", "function_expression"):
        names = [text_of(each) for each in _parameters(last)]
        if len(names) >= 2 and names[0] in _ERRORS and not is_executor(last):
            text = f"the answer of this async function does not wait for the callback of {shown(call)}"
            return CALLBACK_IN_ASYNC, text, "Use its promise (util.promisify where there is none), and await that."
    return None


# The handler


def _of_handler(file: str, module: Module, target: Target) -> Iterator[Hint]:
    name = target.members.get("Handler", "").rpartition(".")[2].encode()
    handler = _handler(module, name)
    if handler is None:
        return
    parameters = _parameters(handler)
    callbacks = has_callbacks(target.runtime)
    plain = [each for each in parameters if each.type not in ("assignment_pattern", "rest_pattern")]
    if len(plain) >= 3 and len(plain) == len(parameters) and not callbacks:
        text = f"{target.runtime} refuses handlers with three parameters: callbacks ended with Node.js 22"
        yield _at(handler, "callback-handler", text, "Make the handler async and return its result.", file)
    if len(parameters) >= 2 and parameters[1].type == "identifier":
        yield from _of_context(file, module, handler, text_of(parameters[1]), callbacks)


def _of_context(file: str, module: Module, handler: Node, context: bytes, callbacks: bool) -> Iterator[Hint]:
    for node in module.nodes:
        if node.type != "member_expression" or text_of(node.child_by_field_name("object")) != context:
            continue
        if module.declared[context] != 1 or not _is_in(node, handler) or node.parent is None:
            continue
        member, parent = text_of(node.child_by_field_name("property")), node.parent
        called = parent.type == "call_expression" and parent.child_by_field_name("function") == node
        if called and member in _ENDS:
            yield _at(parent, *_context_ends(member.decode(), callbacks), file)
        elif member == _FLAG and _sets_false(parent):
            yield _at(parent, *_flag(callbacks and not is_async(handler)), file)


def _sets_false(node: Node) -> bool:
    return node.type == "assignment_expression" and text_of(node.child_by_field_name("right")) == b"false"


def _context_ends(member: str, callbacks: bool) -> _Told:
    if not callbacks:
        return (
            "context-done",
            f"context.{member} is no more from nodejs24.x on",
            "Return the result, or throw the error.",
        )
    text = f"context.{member} answers at once: what is still under way freezes with the environment"
    return "context-done", text, "Use the callback, which waits, or make the handler async and return its result."


def _flag(counts: bool) -> _Told:
    if not counts:
        text = "callbackWaitsForEmptyEventLoop has no effect here: answers of async handlers never wait"
        return "empty-event-loop", text, "Remove it."
    text = "with callbackWaitsForEmptyEventLoop = false the answer waits for nothing that is still under way"
    return "empty-event-loop", text, "Leave it true, or end everything before the callback is called."


def _handler(module: Module, name: bytes) -> Node | None:
    """The function that is exported by this name, when it is one and not something that a call gives."""
    for node in module.nodes:
        value = _exported(node, name)
        if value is None:
            continue
        if value.type in _NAMES:
            return module.function_called(text_of(value))
        return value
    return None


def _exported(node: Node, name: bytes) -> Node | None:
    if node.type == "assignment_expression":
        left, right = text_of(node.child_by_field_name("left")), node.child_by_field_name("right")
        if left in (b"exports." + name, b"module.exports." + name):
            return right if right is not None and right.type in _VALUES else None
        return _member(right, name) if left == b"module.exports" and right is not None else None
    if node.type == "export_specifier":
        alias, own = node.child_by_field_name("alias"), node.child_by_field_name("name")
        return own if text_of(alias if alias is not None else own) == name else None
    if node.type == "export_statement":
        return _declaration(node.child_by_field_name("declaration"), name)
    return None


_NAMES = ("identifier", "shorthand_property_identifier")
_VALUES = ("identifier", "arrow_function", "function_expression")


def _member(made: Node, name: bytes) -> Node | None:
    for each in made.named_children if made.type == "object" else ():
        if each.type == "shorthand_property_identifier" and text_of(each) == name:
            return each
        if each.type == "pair" and text_of(each.child_by_field_name("key")) == name:
            value = each.child_by_field_name("value")
            return value if value is not None and value.type in _VALUES else None
        if each.type == "method_definition" and text_of(each.child_by_field_name("name")) == name:
            return each
    return None


def _declaration(declared: Node | None, name: bytes) -> Node | None:
    if declared is None:
        return None
    if declared.type == "function_declaration":
        return declared if text_of(declared.child_by_field_name("name")) == name else None
    for each in declared.named_children:
        if each.type == "variable_declarator" and text_of(each.child_by_field_name("name")) == name:
            value = each.child_by_field_name("value")
            return value if value is not None and value.type in _VALUES else None
    return None


def _parameters(function: Node) -> list[Node]:
    single = function.child_by_field_name("parameter")
    given = function.child_by_field_name("parameters")
    return [single] if single is not None else list(given.named_children) if given is not None else []


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    return list(arguments.named_children) if arguments is not None else []


def _is_in(node: Node, function: Node) -> bool:
    return function.start_byte <= node.start_byte and node.end_byte <= function.end_byte


def _at(node: Node, rule: str, text: str, advice: str, file: str) -> Hint:
    return Hint(rule, text, advice, file, node.start_point[0] + 1, node.start_point[1] + 1)

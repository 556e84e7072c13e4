"""JavaScript as a tree: which call is at a place, and what becomes of its value.

Files that no person wrote (bundled, minified) and files that cannot be parsed are left alone.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

_LANGUAGE = Language(tree_sitter_javascript.language())
_MOST_BYTES = 300_000
_LONGEST_LINE = 2_000
_SHORT = 32

FUNCTIONS = frozenset({
    "function_declaration", "function_expression", "arrow_function", "method_definition", "generator_function",
    "generator_function_declaration",
})  # fmt: skip
CALLS = ("call_expression", "new_expression")
_CHAINS = (b"then", b"catch", b"finally")
_TOGETHER = (b"Promise.all", b"Promise.allSettled", b"Promise.race", b"Promise.any")

AWAITED, RETURNED, FLOATING, KEPT = "awaited", "returned", "floating", "kept"
"""What becomes of a value. `kept`: it goes somewhere from where it may be awaited."""


class Module:
    """One file."""

    def __init__(self, text: bytes, root: Node) -> None:
        self._lines = text.split(b"\n")
        self.root = root

    @cached_property
    def nodes(self) -> list[Node]:
        """Every named node."""
        return list(_walk(self.root))

    def call_at(self, line: int, column: int) -> Node | None:
        """The call whose callee is at a place, as stacks of V8 name it: lines and columns from 1, in UTF-16."""
        if not 0 < line <= len(self._lines):
            return None
        before = self._lines[line - 1].decode(errors="replace").encode("utf-16-le")[: 2 * (column - 1)]
        point = (line - 1, len(before.decode("utf-16-le", errors="replace").encode()))
        node = self.root.descendant_for_point_range(point, point)
        while node is not None and node.type not in FUNCTIONS:
            parent = node.parent
            if parent is not None and parent.type in CALLS and node != parent.child_by_field_name("arguments"):
                return parent
            if node.type == "new_expression":
                return node
            node = parent
        return None

    @cached_property
    def declared(self) -> Counter[bytes]:
        """How often each name is declared in this file: as a variable, function, class, parameter or import."""
        return Counter(text_of(node) for node in self.nodes if node.type == "identifier" and _is_declared(node))

    def function_called(self, name: bytes) -> Node | None:
        """The function of a name that means only one thing in this file."""
        if self.declared[name] != 1:
            return None
        for node in self.nodes:
            if node.type in ("function_declaration", "variable_declarator"):
                named = node.child_by_field_name("name")
                if named is not None and text_of(named) == name:
                    found = node if node.type == "function_declaration" else node.child_by_field_name("value")
                    return found if found is not None and found.type in FUNCTIONS else None
        return None


def parse(text: bytes) -> Module | None:
    """None for what is no JavaScript that a person wrote."""
    root = _root(text)
    return None if root is None or root.has_error else Module(text, root)


def stumble(text: bytes) -> tuple[int, int] | None:
    """The line and column, from 1, where a file stops being JavaScript; None where it does not."""
    root = _root(text)
    wrong = (node for node in _walk(root, unnamed=True) if node.is_error or node.is_missing) if root is not None else ()
    first = next(iter(wrong), None)
    return None if first is None else (first.start_point[0] + 1, first.start_point[1] + 1)


def _root(text: bytes) -> Node | None:
    if len(text) > _MOST_BYTES or any(len(line) > _LONGEST_LINE for line in text.split(b"\n")):
        return None
    return Parser(_LANGUAGE).parse(text).root_node


def value_of(call: Node) -> tuple[str, Node]:
    """What becomes of the value of a call, and the expression that it is in the end: `f().then(g)` for `f()`."""
    node = call
    while (parent := node.parent) is not None:
        after = _passed_on(node, parent)
        if after is None:
            return _end_of(node, parent), node
        node = after
    return KEPT, node


def _passed_on(node: Node, parent: Node) -> Node | None:
    """The expression that has the same promise in it."""
    if parent.type in ("parenthesized_expression", "array"):
        return parent
    if parent.type == "ternary_expression" and parent.child_by_field_name("condition") != node:
        return parent
    if parent.type == "binary_expression" and parent.child_by_field_name("right") == node:
        return parent
    outer = parent.parent
    if outer is None or outer.type != "call_expression":
        return None
    if parent.type == "member_expression" and parent.child_by_field_name("object") == node:
        return outer if text_of(parent.child_by_field_name("property")) in _CHAINS else None
    if parent.type == "arguments" and text_of(outer.child_by_field_name("function")) in _TOGETHER:
        return outer
    return None


def _end_of(node: Node, parent: Node) -> str:
    if parent.type == "await_expression":
        return AWAITED
    if parent.type == "return_statement":
        return RETURNED
    if parent.type == "arrow_function" and parent.child_by_field_name("body") == node:
        return RETURNED
    if parent.type == "expression_statement" and node.type in CALLS:
        return FLOATING
    return KEPT


def function_around(node: Node) -> Node | None:
    """The nearest function that a node is in."""
    found = node.parent
    while found is not None and found.type not in FUNCTIONS:
        found = found.parent
    return found


def is_async(function: Node) -> bool:
    """Whether it is declared so."""
    return any(child.type == "async" for child in function.children)


def gives_a_promise(function: Node) -> bool:
    """Surely: it is async, or what it returns is `new Promise(…)`, in every place where it returns anything."""
    if is_async(function):
        return True
    body = function.child_by_field_name("body")
    if body is None:
        return False
    if body.type != "statement_block":
        return _is_new_promise(body)
    returned = [
        node.named_children[0] for node in _own(body) if node.type == "return_statement" and node.named_children
    ]
    return bool(returned) and all(_is_new_promise(each) for each in returned)


def may_give_a_promise(function: Node) -> bool:
    """It is async, or returns something."""
    body = function.child_by_field_name("body")
    if is_async(function) or body is None or body.type != "statement_block":
        return True
    return any(node.type == "return_statement" and node.named_children for node in _own(body))


def is_executor(function: Node) -> bool:
    """Whether it is what `new Promise(…)` calls."""
    arguments = function.parent
    return arguments is not None and arguments.parent is not None and _is_new_promise(arguments.parent)


def shown(call: Node) -> str:
    """A call as people would say it: `saveInvoice(event.id)`, `fetch(…).then(…)`."""
    callee = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    arguments = call.child_by_field_name("arguments")
    if callee is None:
        return _text(call)
    prefix = "new " if call.type == "new_expression" else ""
    given = _text(arguments) if arguments is not None else "()"
    short = given if len(given) <= _SHORT and "\n" not in given else "(…)"
    return f"{prefix}{_callee(callee)}{short}"


def _callee(callee: Node) -> str:
    inner = callee.child_by_field_name("object") if callee.type == "member_expression" else None
    if inner is not None and inner.type in CALLS:
        return f"{shown(inner)}.{_text(callee.child_by_field_name('property'))}"
    text = _text(callee)
    return text if "\n" not in text else text.split("\n")[0] + "…"


def text_of(node: Node | None) -> bytes:
    """Its source."""
    return (node.text or b"") if node is not None else b""


def _text(node: Node | None) -> str:
    return text_of(node).decode(errors="replace")


def _is_new_promise(node: Node) -> bool:
    return node.type == "new_expression" and text_of(node.child_by_field_name("constructor")) == b"Promise"


def _is_declared(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type in ("formal_parameters", "import_clause", "import_specifier", "namespace_import", "rest_pattern"):
        return True
    if parent.type == "arrow_function":
        return bool(parent.child_by_field_name("parameter") == node)
    named = parent.type in ("variable_declarator", "function_declaration", "class_declaration", "catch_clause")
    return named and node in (parent.child_by_field_name("name"), parent.child_by_field_name("parameter"))


def _walk(node: Node, unnamed: bool = False) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += reversed(each.children if unnamed else each.named_children)


def _own(body: Node) -> Iterator[Node]:
    """The nodes of a function's body without those of functions in it."""
    waiting = [body]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += [child for child in each.named_children if child.type not in FUNCTIONS]

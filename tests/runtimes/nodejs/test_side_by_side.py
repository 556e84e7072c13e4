"""Which statements wait in a row without need, as far as code alone can be sure of it."""

import json
import subprocess
from pathlib import Path

import pytest

import neve
from neve.dataplane.binaries import wheel_node

SCRIPT = Path(neve.__file__).parent / "runtimes" / "nodejs" / "side-by-side.cjs"
QUERY = "const query = async (name) => (await fetch(`${process.env.URL}/${name}`)).text();\n"
SURE = {
    "functions that only fetch": QUERY
    + "async function f() {\n const a = await query('a');\n const b = await query('b');\n}",
    "fetch itself": "async function f(e) {\n const a = await fetch(`${e.url}/1`);\n const b = await fetch(e.url + '/2');\n}",
    "parts of answers": QUERY
    + "async function f() {\n const {a} = await query('a');\n const [b] = await query('b');\n}",
    "a function of statements": "async function get(x) { return (await fetch(x)).json(); }\nasync function f() {\n"
    " const a = await get('a');\n const b = await get('b');\n}",
}
UNSURE = {
    "the second needs the first": QUERY
    + "async function f() { const a = await query('a'); const b = await query(`b/${a}`); }",
    "something lies between": QUERY
    + "async function f() { const a = await query('a'); if (!a) return; const b = await query('b'); }",
    "a request that writes": "async function f() { const a = await fetch('a', {method: 'PUT'}); const b = await fetch('b'); }",
    "a function that does more": "async function get(x) { count += 1; return fetch(x); }\n"
    "async function f() { const a = await get('a'); const b = await get('b'); }",
    "a method of something": "async function f(db) { const a = await db.get('a'); const b = await db.get('b'); }",
    "a value that changes": "let base = 'x';\nfunction g() { base = 'y'; }\n"
    "async function f() { const a = await fetch('a'); const b = await fetch(base); }",
    "a member that changes": "function g(e) { e.url = 'y'; }\n"
    "async function f(e) { const a = await fetch('a'); const b = await fetch(e.url); }",
    "another fetch": "const fetch = require('x');\n"
    "async function f() { const a = await fetch('a'); const b = await fetch('b'); }",
    "a name with two meanings": QUERY + "function g(query) {}\n"
    "async function f() { const a = await query('a'); const b = await query('b'); }",
    "a call in an argument": "async function f() { const a = await fetch('a'); const b = await fetch(next()); }",
    "endless recursion": "const r = (x) => r(x);\nasync function f() { const a = await r('a'); const b = await r('b'); }",
    "no JavaScript": "this is none",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Every case in one process: case → pairs."""
    folder = tmp_path_factory.mktemp("code")
    cases = {**SURE, **UNSURE}
    files = []
    for number, code in enumerate(cases.values()):
        files.append(folder / f"{number}.mjs")
        files[-1].write_text(code)
    argv = [str(wheel_node().path), "--expose-internals", str(SCRIPT)]
    asked = json.dumps([str(file) for file in files] + ["/nonexistent"])
    said = subprocess.run(argv, input=asked, capture_output=True, text=True, timeout=20, check=True)
    *pairs, missing = json.loads(said.stdout)
    assert missing == []
    return dict(zip(cases, pairs, strict=True))


@pytest.mark.parametrize("case", SURE)
def test_what_is_sure_is_told(found: dict[str, list[object]], case: str) -> None:
    line = next(n for n, text in enumerate(SURE[case].splitlines(), 1) if text.startswith(" const"))
    assert found[case] == [[[line, line], [line + 1, line + 1]]]


@pytest.mark.parametrize("case", UNSURE)
def test_what_is_not_sure_is_not_told(found: dict[str, list[object]], case: str) -> None:
    assert found[case] == []

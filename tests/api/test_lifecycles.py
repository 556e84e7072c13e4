"""Functions, versions and aliases through any sequence of changes: a model of a few lines says what the API has to tell.

`pytest tests/api/test_lifecycles.py --hypothesis-profile=long` hunts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.api.answers import check_error, check_success
from tests.api.furnished import Loop, encoded
from tests.api.hostile import Sent
from tests.api.house import GIVEN, zipped

FUNCTIONS = "/2015-03-31/functions"
NAMES = st.sampled_from(["f", "g"])
ALIASES = st.sampled_from(["blue", "green"])
TEXTS = st.sampled_from(["one", "two"])
FEW, STEPS = 8, 25


@dataclass
class Modelled:
    """What there is of one function. `published` is what the last version was made of."""

    content: tuple[str, str]
    published: tuple[str, str] | None = None
    versions: dict[int, tuple[str, str]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


class Lifecycle(RuleBasedStateMachine):
    """`loop` is set by the test."""

    loop: Loop

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[str, Modelled] = {}
        self.last = {"f": 0, "g": 0}

    @initialize()
    def begin(self) -> None:
        self.loop.run(self.loop.door.furnish())
        self.ask("DeleteFunction", "DELETE", "/f", expect=204)
        self.last["f"] = 1

    # What a caller does

    @rule(name=NAMES, code=TEXTS, publish=st.booleans())
    def create(self, name: str, code: str, publish: bool) -> None:
        members = {**GIVEN, "FunctionName": name, "Code": {"ZipFile": encoded(zipped(code))}, "Publish": publish}
        made = self.ask("CreateFunction", "POST", "", members, 409 if name in self.there else 201)
        if made is None:
            return
        self.there[name] = Modelled((code, ""))
        assert made["State"] == "Pending"
        assert made["Version"] == (str(self.publish_in_model(name)) if publish else "$LATEST")

    @rule(name=NAMES, code=TEXTS, publish=st.booleans())
    def update_code(self, name: str, code: str, publish: bool) -> None:
        members = {"ZipFile": encoded(zipped(code)), "Publish": publish}
        made = self.ask("UpdateFunctionCode", "PUT", f"/{name}/code", members, 200 if name in self.there else 404)
        if made is None:
            return
        self.there[name].content = (code, self.there[name].content[1])
        assert made["Version"] == (str(self.publish_in_model(name)) if publish else "$LATEST")

    @rule(name=NAMES, text=TEXTS)
    def update_configuration(self, name: str, text: str) -> None:
        expect = 200 if name in self.there else 404
        if self.ask("UpdateFunctionConfiguration", "PUT", f"/{name}/configuration", {"Description": text}, expect):
            self.there[name].content = (self.there[name].content[0], text)

    @rule(name=NAMES)
    def publish(self, name: str) -> None:
        made = self.ask("PublishVersion", "POST", f"/{name}/versions", {}, 201 if name in self.there else 404)
        if made is not None:
            assert made["Version"] == str(self.publish_in_model(name))
            assert made["FunctionArn"].endswith(f":function:{name}:{made['Version']}")

    @rule(name=NAMES, alias=ALIASES, number=st.integers(1, 4))
    def create_alias(self, name: str, alias: str, number: int) -> None:
        found = self.there.get(name)
        expect = 404 if found is None or number not in found.versions else 409 if alias in found.aliases else 201
        members = {"Name": alias, "FunctionVersion": str(number)}
        if self.ask("CreateAlias", "POST", f"/{name}/aliases", members, expect) and found is not None:
            found.aliases[alias] = number

    @rule(name=NAMES, alias=ALIASES, number=st.integers(1, 4))
    def update_alias(self, name: str, alias: str, number: int) -> None:
        found = self.there.get(name)
        expect = 404 if found is None or alias not in found.aliases or number not in found.versions else 200
        members = {"FunctionVersion": str(number)}
        if self.ask("UpdateAlias", "PUT", f"/{name}/aliases/{alias}", members, expect) and found is not None:
            found.aliases[alias] = number

    @rule(name=NAMES, alias=ALIASES)
    def delete_alias(self, name: str, alias: str) -> None:
        self.ask("DeleteAlias", "DELETE", f"/{name}/aliases/{alias}", expect=204)
        if name in self.there:
            self.there[name].aliases.pop(alias, None)

    @rule(name=NAMES, number=st.integers(1, 4))
    def delete_version(self, name: str, number: int) -> None:
        found = self.there.get(name)
        expect = 404 if found is None else 409 if number in found.aliases.values() else 204
        self.ask("DeleteFunction", "DELETE", f"/{name}", expect=expect, query=f"Qualifier={number}")
        if found is not None and expect == 204:
            found.versions.pop(number, None)

    @precondition(lambda self: len(self.there) == 2)
    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.ask("DeleteFunction", "DELETE", f"/{name}", expect=204)
        del self.there[name]

    # What has to be seen

    @invariant()
    def functions_are_those_of_the_model(self) -> None:
        listed = self.told("ListFunctions", "/")["Functions"]
        assert [each["FunctionName"] for each in listed] == sorted(self.there)
        assert [each["Description"] for each in listed] == [self.there[name].content[1] for name in sorted(self.there)]

    @invariant()
    def versions_and_aliases_are_those_of_the_model(self) -> None:
        for name, found in self.there.items():
            versions = self.told("ListVersionsByFunction", f"/{name}/versions")["Versions"]
            assert [each["Version"] for each in versions] == ["$LATEST", *map(str, sorted(found.versions))]
            assert [each["Description"] for each in versions[1:]] == [
                found.versions[n][1] for n in sorted(found.versions)
            ]
            aliases = self.told("ListAliases", f"/{name}/aliases")["Aliases"]
            assert {each["Name"]: int(each["FunctionVersion"]) for each in aliases} == found.aliases

    # How it is asked

    def publish_in_model(self, name: str) -> int:
        """The number that publishing gives: the last one again when nothing changed since."""
        found = self.there[name]
        if found.content != found.published or self.last[name] not in found.versions:
            self.last[name] += 1
            found.versions[self.last[name]] = found.published = found.content
        return self.last[name]

    def ask(
        self,
        operation: str,
        method: str,
        path: str,
        members: Mapping[str, Any] | None = None,
        expect: int = 200,
        query: str = "",
    ) -> Any:
        """The members of a success, None of a refusal."""
        body = b"" if members is None else json.dumps(members).encode()
        answer = self.loop.run(self.loop.door.ask(Sent(method, FUNCTIONS + path, query, (), body)))
        assert answer.status == expect, (operation, path, members, answer)
        if expect < 300:
            check_success(operation, answer.status, answer.body)
            return json.loads(answer.body) if answer.body else {}
        check_error(operation, *answer)
        return None

    def told(self, operation: str, path: str) -> Any:
        return self.ask(operation, "GET", path)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path)
    yield made
    made.close()


def test_any_sequence_of_changes_leaves_what_the_model_says(loop: Loop) -> None:
    class Here(Lifecycle):
        pass

    Here.loop = loop
    long = settings.get_current_profile_name() == "long"
    run_state_machine_as_test(
        Here, settings=settings(max_examples=settings().max_examples if long else FEW, stateful_step_count=STEPS)
    )

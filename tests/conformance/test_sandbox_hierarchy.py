"""Where the cgroup trees of different machines are found."""

from pathlib import Path

import pytest

from neve.dataplane.sandbox import hierarchy, processes


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files of `/proc/self` by name, as another machine has them."""
    files: dict[str, str] = {}
    monkeypatch.setattr(processes, "read", lambda path: files.get(Path(path).name, "").encode())
    return files


def test_a_pure_v2_machine_with_a_delegated_scope(machine: dict[str, str], tmp_path: Path) -> None:
    scope = tmp_path / "user.slice" / "neve.scope"
    scope.mkdir(parents=True)
    machine["cgroup"] = "0::/user.slice/neve.scope\n"
    machine["mountinfo"] = f"30 23 0:26 / {tmp_path} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    assert hierarchy.version2() == hierarchy.Hierarchy(tmp_path, scope)
    assert hierarchy.version1("freezer") is None


def test_a_hybrid_machine_with_controllers_mounted_together(machine: dict[str, str], tmp_path: Path) -> None:
    for name in ("unified", "cpu", "freezer"):
        (tmp_path / name).mkdir()
    machine["cgroup"] = "5:cpu,cpuacct:/\n4:freezer:/\n0::/\n"
    machine["mountinfo"] = (
        f"1 0 0:1 / {tmp_path}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        f"2 0 0:2 / {tmp_path}/freezer rw - cgroup cgroup rw,freezer\n"
        f"3 0 0:3 / {tmp_path}/unified rw - cgroup2 cgroup2 rw\n"
    )
    assert hierarchy.version2() == hierarchy.Hierarchy(tmp_path / "unified", tmp_path / "unified")
    assert hierarchy.version1("freezer") == hierarchy.Hierarchy(tmp_path / "freezer", tmp_path / "freezer")
    assert hierarchy.version1("cpuacct") == hierarchy.Hierarchy(tmp_path / "cpu", tmp_path / "cpu")


def test_a_container_that_sees_its_own_part_of_the_tree(machine: dict[str, str], tmp_path: Path) -> None:
    machine["cgroup"] = "0::/docker/1234\n"
    machine["mountinfo"] = f"30 23 0:26 /docker/1234 {tmp_path} rw - cgroup2 cgroup rw\n"
    assert hierarchy.version2() == hierarchy.Hierarchy(tmp_path, tmp_path)


def test_a_cgroup_outside_of_the_mounted_part(machine: dict[str, str], tmp_path: Path) -> None:
    machine["cgroup"] = "0::/../../system.slice\n"
    machine["mountinfo"] = f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup rw\n"
    assert hierarchy.version2() == hierarchy.Hierarchy(tmp_path, tmp_path)


@pytest.mark.parametrize("files", [{}, {"cgroup": "0::/\n", "mountinfo": "1 0 0:1 / / rw - ext4 /dev/vda rw\n"}])
def test_a_machine_without_cgroups(machine: dict[str, str], files: dict[str, str]) -> None:
    machine.update(files)
    assert hierarchy.version2() is None
    assert hierarchy.version1("freezer") is None

"""One server for each worker of the test run; tests share it and have functions of their own."""

from collections.abc import Callable, Iterator

import pytest
from tests.acceptance.functions import Deployed, deploy
from tests.acceptance.neighbours import ObjectStore, object_store
from tests.acceptance.server import NeveServer, running

Deploy = Callable[..., Deployed]


@pytest.fixture(scope="session")
def neve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """A `neve serve` with its clock real, its data in a temporary folder, and neighbours for who asks for them."""
    with running(tmp_path_factory.mktemp("neve") / "data", "--neighbours") as server:
        yield server


@pytest.fixture
def deployed(neve: NeveServer) -> Iterator[Deploy]:
    """Deploys functions that are deleted when the test is over."""
    functions: list[Deployed] = []

    def make(*arguments: object, **parameters: object) -> Deployed:
        functions.append(deploy(neve, *arguments, **parameters))  # type: ignore[arg-type]
        return functions[-1]

    yield make
    for function in functions:
        if not function.deleted:
            function.delete()


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    """What stands for the object store."""
    with object_store() as running_store:
        yield running_store

"""Whatever is sent to whichever operation: an answer of the service's shape, in time, and never a fault of ours.

`pytest tests/api/test_hostile_requests.py --hypothesis-profile=long` hunts.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from tests.api.answers import check_error, check_success
from tests.api.furnished import Loop
from tests.api.hostile import SERVICE, Sent, requests

from neve.api.routes import Routes
from neve.domain.errors import ServiceSpecific

FEW = 4
ROUTES = Routes(SERVICE.operations.values())


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = Loop(tmp_path_factory.mktemp("hostile"))
    yield made
    made.close()


def operation_of(sent: Sent) -> str | None:
    """What a request asks for, which may be another operation than was aimed at."""
    try:
        return ROUTES.match(sent.method, sent.path, sent.query.encode()).operation
    except ServiceSpecific:
        return None


@pytest.mark.parametrize("operation", sorted(SERVICE.operations))
def test_every_request_gets_an_answer_of_the_services_shape(loop: Loop, operation: str) -> None:
    long = settings.get_current_profile_name() == "long"

    @settings(max_examples=settings().max_examples if long else FEW)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        loop.run(loop.door.furnish())
        sent = data.draw(requests(operation))
        answer = loop.run(loop.door.ask(sent))
        note(f"{sent}\n{answer}")
        meant = operation_of(sent)
        if answer.status >= 300:
            assert check_error(meant, *answer) != "UnknownOperationException" or meant is None
        else:
            assert meant is not None
            check_success(meant, answer.status, answer.body)

    ask()

"""The plugin of pytest. Everything but pytest is imported when a test asks for the fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neve.testing.neve import Neve, Server


@pytest.fixture(scope="session")
def neve_server() -> Iterator[Server]:
    """One server for the session (with xdist, for each worker): on a free port, its data in a temporary folder."""
    from neve.testing.neve import Server

    with Server.started() as server:
        yield server


@pytest.fixture
def neve(neve_server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neve]:
    """Neve, with an account of its own for this test: deploy functions and look at what they do.

    boto3 and the AWS command line find it by themselves: AWS_ENDPOINT_URL and credentials are set while the test runs.
    """
    with neve_server.account_for(request.path.parent) as mine:
        for name, value in mine.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        yield mine

"""The commands against a small Neve, in this process."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result
from tests.cli.fake import House, open_house

from neve.cli.main import neve


@dataclass
class Cli:
    """Runs commands against one small Neve."""

    house: House
    url: str

    def run(self, *arguments: str, given: bytes | None = None) -> Result:
        """Run a command; never raises."""
        return CliRunner().invoke(neve, [*arguments], input=given)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """A small Neve and the commands, which find it by AWS_ENDPOINT_URL."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    server, house, url = open_house()
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    yield Cli(house, url)
    server.shutdown()
    server.server_close()

"""The runs of one account, of a book that remembers those of all."""

from collections.abc import Sequence
from typing import Any


class TracesOfAccount:
    """The same book, as far as it is about the account; what it is asked about a run it was asked for before."""

    def __init__(self, book: Any, account: str) -> None:
        self._book = book
        self._account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book, name)

    def latest(self, function_name: str | None) -> str | None:
        """The request id of the last one."""
        return next((each.request_id for each in self.listed(function_name)), None)

    def find(self, beginning: str) -> str | None:
        """The only request id that begins so."""
        found = self._book.find(beginning)
        return found if self._is_its(found) else None

    def picture(self, request_id: str) -> Any:
        """The picture of one."""
        return self._book.picture(request_id) if self._is_its(request_id) else None

    def listed(self, function_name: str | None) -> Sequence[Any]:
        """The newest first."""
        accounts = self._book.accounts()
        return [each for each in self._book.listed(function_name) if accounts.get(each.request_id) == self._account]

    def _is_its(self, request_id: str | None) -> bool:
        return request_id is not None and self._book.accounts().get(request_id) == self._account

"""A server that the user named for a service: requests go on as they came, with the Host that the client signed."""

from neve.neighbours.endpoints import Endpoint
from neve.neighbours.request import Address, Head


class Elsewhere:
    """One endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def address(self, head: Head) -> Address:
        """Always the same."""
        return self._endpoint.address

    def adapt(self, head: Head) -> Head:
        """Unchanged: a signature holds for what was signed."""
        return head

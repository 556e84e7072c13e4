"""A server that the user named for a service: requests go on as they came, with the Host that the client signed."""

from neve.neighbours.endpoints import Endpoint
from neve.neighbours.request import Head, Receive, Way
from neve.neighbours.signing import Signing


class Elsewhere:
    """One endpoint without credentials of its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def prepare(self, head: Head, receive: Receive) -> Way:
        """Unchanged: a signature holds for what was signed."""
        return Way(self._endpoint.address, head, receive)


def neighbour_at(endpoint: Endpoint) -> "Elsewhere | Signing":
    """Who answers there."""
    return Signing(endpoint) if endpoint.signed else Elsewhere(endpoint)

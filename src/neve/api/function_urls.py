"""The family of function URLs: their configuration. `url_address.py` says how a URL is written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from neve.api.paging import Pages
from neve.api.url_address import Address
from neve.control.function_urls import FunctionUrls, GivenUrl
from neve.domain.call import Call, Operation
from neve.domain.function_url import AuthType, Cors, FunctionUrl, InvokeMode
from neve.domain.limits import FUNCTION_URLS_PER_PAGE

_Members = Mapping[str, Any]
_PAGES = Pages("urls")

_CORS = {
    "AllowCredentials": "allow_credentials",
    "AllowHeaders": "allow_headers",
    "AllowMethods": "allow_methods",
    "AllowOrigins": "allow_origins",
    "ExposeHeaders": "expose_headers",
    "MaxAge": "max_age_s",
}


def operations(urls: FunctionUrls, address: Address) -> dict[str, Operation]:
    """Operations by their names in the service model. `address` says where a URL is called."""
    family = _Family(urls, address)
    return {
        "CreateFunctionUrlConfig": family.create_function_url_config,
        "GetFunctionUrlConfig": family.get_function_url_config,
        "UpdateFunctionUrlConfig": family.update_function_url_config,
        "DeleteFunctionUrlConfig": family.delete_function_url_config,
        "ListFunctionUrlConfigs": family.list_function_url_configs,
    }


class _Family:
    def __init__(self, urls: FunctionUrls, address: Address) -> None:
        self._urls = urls
        self._address = address

    async def create_function_url_config(self, call: Call, members: _Members) -> _Members:
        """Unlike the others, the reply has no LastModifiedTime, and an InvokeMode only if it was given."""
        url = await self._urls.create(
            call.world,
            members["FunctionName"],
            members.get("Qualifier"),
            AuthType(members["AuthType"]),
            _given(members),
        )
        absent = {"LastModifiedTime"} if "InvokeMode" in members else {"LastModifiedTime", "InvokeMode"}
        return {name: value for name, value in self._config(url).items() if name not in absent}

    async def get_function_url_config(self, call: Call, members: _Members) -> _Members:
        return self._config(await self._urls.get(call.world, members["FunctionName"], members.get("Qualifier")))

    async def update_function_url_config(self, call: Call, members: _Members) -> _Members:
        return self._config(
            await self._urls.update(call.world, members["FunctionName"], members.get("Qualifier"), _given(members))
        )

    async def delete_function_url_config(self, call: Call, members: _Members) -> _Members:
        await self._urls.delete(call.world, members["FunctionName"], members.get("Qualifier"))
        return {}

    async def list_function_url_configs(self, call: Call, members: _Members) -> _Members:
        limit = members.get("MaxItems") or FUNCTION_URLS_PER_PAGE
        after = _PAGES.read(members.get("Marker"))
        page = await self._urls.page(call.world, members["FunctionName"], after, limit)
        return {
            "FunctionUrlConfigs": [self._config(each) for each in page.urls],
            "NextMarker": _PAGES.marker(page.after),
        }

    def _config(self, url: FunctionUrl) -> dict[str, Any]:
        return {
            "FunctionUrl": self._address(url),
            "FunctionArn": url.function_arn,
            "AuthType": url.auth_type.value,
            "Cors": None if url.cors is None else {name: getattr(url.cors, own) for name, own in _CORS.items()},
            "CreationTime": _time(url.created_ms),
            "LastModifiedTime": _time(url.modified_ms),
            "InvokeMode": url.invoke_mode.value,
        }


def _given(members: _Members) -> GivenUrl:
    return GivenUrl(
        AuthType(members["AuthType"]) if "AuthType" in members else None,
        InvokeMode(members["InvokeMode"]) if "InvokeMode" in members else None,
        _cors(members["Cors"]) if "Cors" in members else None,
    )


def _cors(members: _Members) -> Cors:
    given: dict[str, Any] = {
        _CORS[name]: tuple(value) if isinstance(value, list) else value for name, value in members.items()
    }
    return Cors(**given)


def _time(milliseconds: int) -> str:
    """`2023-08-10T12:34:56.789Z`: this family writes the zone as a letter."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

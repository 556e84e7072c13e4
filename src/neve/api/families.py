"""The operations of Lambda, family by family, and what Neve does not do of them: `docs/operations.md` is printed from here.

An operation works, or its settings are only kept (`KEPT`), or it is refused (`REFUSED`). Every operation of the service
model is one of these; `tests/api/test_operations.py` holds it.
"""

from collections.abc import Callable, Mapping

from neve.api import (
    account,
    aliases,
    capacity_providers,
    code_signing,
    concurrency,
    event_invoke,
    event_sources,
    function_urls,
    functions,
    layers,
    permissions,
    tags,
    versions,
)
from neve.api.http import RawOperation
from neve.api.invoke import invoke_async_operation, invoke_operation
from neve.api.invoke_stream import invoke_stream_operation
from neve.api.lending import Lend, as_it_is
from neve.api.url_address import Address, by_host
from neve.control.functions import Functions
from neve.control.invoke import Invoker
from neve.domain.call import Operation


def operations(
    verbs: Functions, base_url: Callable[[], str], url_address: Address | None = None, lend: Lend = as_it_is
) -> dict[str, Operation]:
    """By their names in the service model. `base_url` is that of our own door, without a slash at its end; `url_address` says
    where function URLs are, by their own host names if it is not given; `lend` makes a URL of ours usable for who has no key."""
    return {
        **functions.operations(verbs, base_url, lend),
        **versions.operations(verbs.versions),
        **aliases.operations(verbs.aliases),
        **layers.operations(verbs.layers, base_url, lend),
        **concurrency.operations(verbs.concurrency),
        **event_invoke.operations(verbs.event_invoke, verbs.recursion),
        **event_sources.operations(verbs.sources),
        **permissions.operations(verbs.permissions),
        **function_urls.operations(verbs.urls, url_address or (lambda url: by_host(base_url())(url))),
        **tags.operations(verbs.tags),
        **code_signing.operations(verbs.code_signing),
        **capacity_providers.operations(verbs.providers),
        **account.operations(verbs.account),
    }


def raw_operations(invoker: Invoker) -> dict[str, RawOperation]:
    """Those that read and write HTTP themselves."""
    return {
        "Invoke": invoke_operation(invoker),
        "InvokeAsync": invoke_async_operation(invoker),
        "InvokeWithResponseStream": invoke_stream_operation(invoker),
    }


# What is not done


def _all(note: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, note)


KEPT: Mapping[str, str] = {
    **_all(
        "Nothing reads the source yet.",
        "CreateEventSourceMapping",
        "GetEventSourceMapping",
        "UpdateEventSourceMapping",
        "DeleteEventSourceMapping",
        "ListEventSourceMappings",
    ),
    **_all(
        "Signatures of code are not looked at.",
        "CreateCodeSigningConfig",
        "GetCodeSigningConfig",
        "UpdateCodeSigningConfig",
        "DeleteCodeSigningConfig",
        "ListCodeSigningConfigs",
        "ListFunctionsByCodeSigningConfig",
        "PutFunctionCodeSigningConfig",
        "GetFunctionCodeSigningConfig",
        "DeleteFunctionCodeSigningConfig",
    ),
    **_all(
        "Runtimes are those that are installed on the machine.",
        "PutRuntimeManagementConfig",
        "GetRuntimeManagementConfig",
    ),
    **_all(
        "Functions run where Neve runs.",
        "CreateCapacityProvider",
        "GetCapacityProvider",
        "UpdateCapacityProvider",
        "DeleteCapacityProvider",
        "ListCapacityProviders",
        "ListFunctionVersionsByCapacityProvider",
        "PutFunctionScalingConfig",
        "GetFunctionScalingConfig",
    ),
}
"""Operations whose settings are checked, kept and given back, and what does not come of them."""

REFUSED: Mapping[str, str] = {
    **_all(
        "Neve runs no durable executions.",
        "CheckpointDurableExecution",
        "DeleteDurableExecution",
        "GetDurableExecution",
        "GetDurableExecutionHistory",
        "GetDurableExecutionState",
        "ListDurableExecutionsByFunction",
        "PauseDurableExecution",
        "ResumeDurableExecution",
        "SendDurableExecutionCallbackFailure",
        "SendDurableExecutionCallbackHeartbeat",
        "SendDurableExecutionCallbackSuccess",
        "StopDurableExecution",
    ),
}
"""Operations that answer NotImplementedException, and why: the door says it."""

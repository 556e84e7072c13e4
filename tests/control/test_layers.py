"""The verbs on layers, over the real store."""

import asyncio

import pytest
from tests.control.bench import WORLD, Bench, settings, zipped

from neve.control.configuration import Given
from neve.control.layers import GivenLayer
from neve.domain.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from neve.domain.layer import GET, LayerVersion
from neve.domain.limits import Quotas
from neve.domain.world import World

ARN = "arn:aws:lambda:us-east-1:000000000000:layer"
OTHER = World("111111111111", "us-east-1")


async def publish(bench: Bench, name: str = "l", text: str = "layer") -> LayerVersion:
    return await bench.functions.layers.publish(WORLD, name, GivenLayer(), zipped(text))


async def use(bench: Bench, *arns: str) -> None:
    await bench.functions.update_configuration(WORLD, "f", Given(layer_arns=arns), None)
    await bench.functions.wait_idle()


def stored(bench: Bench) -> int:
    return len(list((bench.directory / "code").iterdir()))


async def test_versions_count_up_also_at_once(bench: Bench) -> None:
    made = await asyncio.gather(*(publish(bench, text=str(number)) for number in range(4)))
    assert sorted(each.number for each in made) == [1, 2, 3, 4]
    await bench.functions.layers.delete(WORLD, "l", 4)
    assert (await publish(bench)).number == 5
    assert await bench.functions.layers.content(WORLD, "l", 5) == zipped("layer")


async def test_function_shows_and_keeps_its_layers(bench: Bench) -> None:
    one, two = await publish(bench, "one", "1"), await publish(bench, "two", "22")
    function = await bench.create(text="code", layer_arns=(two.arn, one.arn))
    assert [(each.arn, each.code) for each in function.layers] == [(two.arn, two.code), (one.arn, one.code)]
    await bench.functions.update_configuration(WORLD, "f", Given(timeout_s=9), None)
    await bench.functions.wait_idle()
    assert (await bench.shown()).layers == function.layers, "not given keeps"
    await use(bench, one.arn)
    assert [each.arn for each in (await bench.shown()).layers] == [one.arn]
    await use(bench)
    assert (await bench.shown()).layers == ()


async def test_deleted_layer_lives_on_in_functions_and_versions(bench: Bench) -> None:
    layer = await publish(bench)
    await bench.create(text="code", layer_arns=(layer.arn,))
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    for _ in range(2):
        await bench.functions.layers.delete(WORLD, "l", 1)
    assert stored(bench) == 2
    with pytest.raises(InvalidParameterValue, match=f"^Layer version {ARN}:l:1 does not exist.$"):
        await use(bench, layer.arn)
    await use(bench)
    assert stored(bench) == 2, "the version has it"
    await bench.functions.delete(WORLD, "f", "1")
    assert stored(bench) == 1


async def test_layer_goes_with_the_function_that_had_it_last(bench: Bench) -> None:
    layer = await publish(bench)
    await bench.create(text="code", layer_arns=(layer.arn,))
    await bench.functions.layers.delete(WORLD, "l", 1)
    await bench.functions.delete(WORLD, "f", None)
    assert stored(bench) == 0


async def test_layers_that_cannot_be_made_ready_give_the_previous_back(bench: Bench) -> None:
    layer = await publish(bench)
    await bench.create(text="code")
    bench.problem = OSError("disk")
    await use(bench, layer.arn)
    shown = await bench.shown()
    assert (shown.layers, shown.last_update_status) == ((), "Failed")


async def test_publishing_with_other_layers_is_a_change(bench: Bench) -> None:
    layer = await publish(bench)
    await bench.create(text="code")
    await bench.functions.versions.publish(WORLD, "f")
    await bench.functions.wait_idle()
    await use(bench, layer.arn)
    assert (await bench.functions.versions.publish(WORLD, "f")).version == "2"
    await bench.functions.wait_idle()


async def test_code_and_layers_are_measured_together(bench: Bench) -> None:
    await bench.close()
    await bench.open(quotas=Quotas(code_unzipped=9))
    layer = await publish(bench, text="12345")
    with pytest.raises(InvalidParameterValue, match=r"exceeds the maximum allowed size of 9 bytes.*is 10 bytes\.$"):
        await bench.create(text="54321", layer_arns=(layer.arn,))
    await bench.create(text="4321", layer_arns=(layer.arn,))
    with pytest.raises(InvalidParameterValue, match=r"is 10 bytes\.$"):
        await bench.functions.update_code(WORLD, "f", zipped("54321"), None, None, dry_run=False)
    other = await publish(bench, "m", "1")
    with pytest.raises(InvalidParameterValue, match=r"is 10 bytes\.$"):
        await use(bench, layer.arn, other.arn)


async def test_layer_that_is_deleted_while_a_function_takes_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found, then deleted and forgotten before the function was written."""
    layer = await publish(bench)
    real = bench.functions.layers.used

    async def overtaken(world: World, arns: tuple[str, ...]) -> object:
        found = await real(world, arns)
        await bench.functions.layers.delete(WORLD, "l", 1)
        return found

    monkeypatch.setattr(bench.functions.layers, "used", overtaken)
    with pytest.raises(InvalidParameterValue, match=r"does not exist\.$"):
        await bench.functions.create(WORLD, "f", settings(layer_arns=(layer.arn,)), zipped("code"), {})
    assert stored(bench) == 0


async def test_other_accounts_need_a_statement(bench: Bench) -> None:
    layers = bench.functions.layers
    layer = await publish(bench)
    with pytest.raises(AccessDenied):
        await layers.get(OTHER, layer.layer_arn, 1)
    with pytest.raises(AccessDenied):
        await layers.used(OTHER, [layer.arn])
    for change in (
        layers.publish(OTHER, layer.layer_arn, GivenLayer(), zipped()),
        layers.delete(OTHER, layer.layer_arn, 1),
        layers.policy(OTHER, layer.layer_arn, 1),
    ):
        with pytest.raises(AccessDenied):
            await change
    await layers.add_permission(WORLD, "l", 1, "s", GET, "111111111111", None, None)
    found = await layers.get(OTHER, layer.layer_arn, 1)
    assert (found.arn, (await layers.get_by_arn(OTHER, layer.arn)).code) == (layer.arn, layer.code)
    assert [each.arn for each in await layers.used(OTHER, [layer.arn])] == [layer.arn]
    await layers.remove_permission(WORLD, "l", 1, "s", None)
    with pytest.raises(AccessDenied):
        await layers.get_by_arn(OTHER, layer.arn)


async def test_permissions_at_once_are_all_kept(bench: Bench) -> None:
    await publish(bench)
    layers = bench.functions.layers
    await asyncio.gather(*(layers.add_permission(WORLD, "l", 1, f"s{n}", GET, "*", None, None) for n in range(5)))
    assert len((await layers.get(WORLD, "l", 1)).statements) == 5


async def test_refused_archive_leaves_nothing(bench: Bench) -> None:
    with pytest.raises(InvalidParameterValue, match="Could not unzip"):
        await bench.functions.layers.publish(WORLD, "l", GivenLayer(), b"no zip")
    assert stored(bench) == 0
    with pytest.raises(ResourceNotFound):
        await bench.functions.layers.get(WORLD, "l", 1)

"""From a handler string to a function (Node.js facts §1), and what a failed init reports."""

import pytest
from tests.runtimes.nodejs.conftest import Start
from tests.runtimes.scripted import FramesClient, invoke

ANSWERS_PLACE = "exports.handler = async () => require('path').basename(__filename)"
ESM_ANSWERS_PLACE = "export const handler = async () => import.meta.url.split('/').pop()"


async def init_error(client: FramesClient) -> tuple[str, str]:
    error = await client.wait_init_error()
    assert error.value["errorType"] == error.error_type
    return error.value["errorType"], error.value["errorMessage"]


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (
            "../app.handler",
            "'../app.handler' is not a valid handler name. "
            "Use absolute paths when specifying root directories in handler names.",
        ),
        ("app", "Bad handler"),
    ],
)
async def test_malformed_handler_name(both: Start, handler: str, message: str) -> None:
    async with both(ANSWERS_PLACE, handler=handler) as client:
        assert await init_error(client) == ("Runtime.MalformedHandlerName", message)


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"app": ANSWERS_PLACE}, "app.handler"),
        ({"app.js": ANSWERS_PLACE}, "app.handler"),
        ({"app.cjs": ANSWERS_PLACE}, "app.handler"),
        ({"app.mjs": ESM_ANSWERS_PLACE}, "app.handler"),
        ({"app.js": ESM_ANSWERS_PLACE, "package.json": '{"type": "module"}'}, "app.handler"),
        ({"src/deep/app.js": ANSWERS_PLACE}, "src/deep/app.handler"),
        ({"src/app.js": ESM_ANSWERS_PLACE, "package.json": '{"type": "module"}'}, "src/app.handler"),
        ({"app.js": "exports.a = {b: {c: async () => 'app.js'}}"}, "app.a.b.c"),
    ],
)
async def test_module_is_found(both: Start, files: dict[str, str], handler: str) -> None:
    async with both(files, handler=handler) as client:
        assert (await invoke(client)).value in files or "/" in handler


async def test_extensionless_file_wins_over_js_and_js_over_mjs(both: Start) -> None:
    files = {"app": ANSWERS_PLACE, "app.js": ANSWERS_PLACE, "app.mjs": ESM_ANSWERS_PLACE}
    async with both(files) as client:
        assert (await invoke(client)).value == "app"


async def test_package_of_node_modules_is_a_handler_module(both: Start) -> None:
    files = {"node_modules/pack/index.js": "exports.handler = async () => 'packed'"}
    async with both(files, handler="pack.handler") as client:
        assert (await invoke(client)).value == "packed"


async def test_folder_with_index_is_a_handler_module_for_callbacks(callbacks: Start) -> None:
    async with callbacks({"app/index.js": "exports.handler = async () => 'index'"}) as client:
        assert (await invoke(client)).value == "index"


async def test_property_is_looked_for_in_the_default_export_from_24_on(modern: Start) -> None:
    async with modern({"app.mjs": "export default {handler: async () => 'inner'}"}) as client:
        assert (await invoke(client)).value == "inner"


async def test_default_export_is_not_searched_up_to_22(callbacks: Start) -> None:
    async with callbacks({"app.mjs": "export default {handler: async () => 'inner'}"}) as client:
        assert await init_error(client) == (
            "Runtime.HandlerNotFound",
            "app.handler is undefined or not exported",
        )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("exports.other = 1", "app.handler is undefined or not exported"),
        ("exports.handler = 1", "app.handler is not a function"),
    ],
)
async def test_handler_not_found(both: Start, code: str, message: str) -> None:
    async with both(code) as client:
        assert await init_error(client) == ("Runtime.HandlerNotFound", message)


async def test_syntax_error(both: Start) -> None:
    async with both("exports.handler = async () => {") as client:
        name, message = await init_error(client)
        assert name == "Runtime.UserCodeSyntaxError"
        assert message.startswith("SyntaxError: ")


async def test_es_module_syntax_in_a_js_file_without_package_type_up_to_22(callbacks: Start) -> None:
    async with callbacks("export const handler = async () => 1") as client:
        name, _ = await init_error(client)
        assert name == "Runtime.UserCodeSyntaxError"


async def test_missing_module_names_the_require_stack(both: Start) -> None:
    async with both("require('nowhere'); exports.handler = async () => 1") as client:
        name, message = await init_error(client)
        assert name == "Runtime.ImportModuleError"
        assert message.startswith("Error: Cannot find module 'nowhere'\nRequire stack:\n- ")
        assert "/task/app.js" in message


async def test_missing_handler_module(both: Start) -> None:
    async with both({"other.js": ""}) as client:
        name, message = await init_error(client)
        assert name == "Runtime.ImportModuleError"
        assert message.startswith("Error: Cannot find module 'app'")


async def test_missing_package_of_an_es_module_is_a_plain_error(both: Start) -> None:
    async with both({"app.mjs": "import 'nowhere'; export const handler = async () => 1"}) as client:
        name, message = await init_error(client)
        assert name == "Error"
        assert "nowhere" in message


async def test_other_throw_keeps_its_name(both: Start) -> None:
    async with both("throw new RangeError('too far')") as client:
        assert await init_error(client) == ("RangeError", "too far")


async def test_marker_that_is_not_response(both: Start) -> None:
    code = "exports.handler = async () => 1; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'x'"
    async with both(code) as client:
        assert await init_error(client) == (
            "Runtime.MalformedStreamingHandler",
            "Only response streaming is supported.",
        )


async def test_top_level_await_counts_as_init(both: Start) -> None:
    code = "const v = await new Promise((r) => setTimeout(r, 5, 'late')); export const handler = async () => v"
    async with both({"app.mjs": code}) as client:
        assert (await invoke(client)).value == "late"


async def test_layer_package_is_found_by_require(both: Start) -> None:
    files = {
        "../layer/node_modules/pack/index.js": "module.exports = 'from the layer'",
        "app.js": "const v = require('pack'); exports.handler = async () => v",
    }
    async with both(files) as client:
        assert (await invoke(client)).value == "from the layer"


async def test_init_failure_is_logged_as_uncaught_exception_and_exits_129_up_to_22(callbacks: Start) -> None:
    async with callbacks("throw new Error('boom')") as client:
        await client.wait_init_error()
        assert (await client.wait_exit()).status == 129
        (line,) = client.log()
        assert line.level == "ERROR"
        assert line.request_id == "undefined"
        assert line.message.startswith(
            'Uncaught Exception \t{"errorType":"Error","errorMessage":"boom","stack":["Error: boom",'
        )


async def test_rejection_during_load_exits_128_up_to_22(callbacks: Start) -> None:
    code = "Promise.reject(new Error('boom')); exports.handler = async () => 1"
    async with callbacks(code) as client:
        assert await init_error(client) == ("Runtime.UnhandledPromiseRejection", "Error: boom")
        assert (await client.wait_exit()).status == 128
        assert client.log()[0].message.startswith("Unhandled Promise Rejection \t{")


async def test_init_failure_is_logged_as_init_error_and_thrown_again_from_24_on(modern: Start) -> None:
    async with modern("throw new Error('boom')") as client:
        await client.wait_init_error()
        assert (await client.wait_exit()).status == 1
        first, *raw = client.log()
        assert first.request_id == "-"
        assert first.message.startswith('Init Error \t{"errorType":"Error","errorMessage":"boom","stack":')
        assert "Error: boom\n" in [line.text for line in raw if line.level is None]


async def test_three_parameters_are_an_init_error_from_24_on(modern: Start) -> None:
    async with modern("exports.handler = (event, context, callback) => callback(null, 1)") as client:
        name, message = await init_error(client)
        assert name == "Runtime.CallbackHandlerDeprecated"
        assert message == (
            "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to"
            " modify this function to use a supported handler signature to use Node.js 24 or later. For more information see"
            " https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."
        )


CALLBACK_HANDLER = "exports.handler = (event, context, callback) => callback(null, 1)"


async def test_three_parameters_are_warned_of_once_up_to_22(callbacks: Start) -> None:
    async with callbacks(CALLBACK_HANDLER) as client:
        await invoke(client)
        await invoke(client)
        (line,) = client.log()
        assert (line.level, line.request_id) == ("WARN", "undefined")
        assert line.message.startswith(
            "AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24."
        )
        assert "AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING" in line.message


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        (CALLBACK_HANDLER, {"AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING": ""}),
        ("exports.handler = async (event, context, callback) => 1", {}),
        ("exports.handler = (event, context) => 1", {}),
        ("exports.handler = (a, b, c, d) => c(null, 1)", {}),
    ],
)
async def test_no_warning(callbacks: Start, code: str, variables: dict[str, str]) -> None:
    async with callbacks(code, **variables) as client:
        assert not (await invoke(client)).failed
        assert client.log() == []

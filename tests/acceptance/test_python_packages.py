"""boto3 in Python functions that do not bring it, as on Lambda; the function's own copy goes before."""

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.functions import deploy
from tests.acceptance.neighbours import ObjectStore
from tests.acceptance.server import NeveServer, running

from neve.dataplane.runtimes import Runtimes

RUNTIME = f"python3.{sys.version_info[1]}"
PUTS = """\
import boto3

client = boto3.client("s3")

def handler(event, context):
    client.put_object(Bucket="bucket", Key="key", Body=b"from a function")
    return boto3.__file__
"""
LOOKS = """\
import builtins, importlib.util, sys

def handler(event, context):
    return {
        "path": sys.path,
        "loaded": sorted(name for name in sys.modules if name.split(".")[0] in ("boto3", "botocore", "urllib3")),
        "found": [name for name in event["names"] if importlib.util.find_spec(name)],
        "builtins": [name for name in ("exit", "quit", "help", "copyright") if hasattr(builtins, name)],
    }
"""


@pytest.fixture(scope="module", params=["auto", "bare"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeveServer]:
    """One that isolates as this machine allows, one that does not."""
    with running(tmp_path_factory.mktemp("neve") / "data", "--sandbox", request.param) as started:
        yield started


def test_a_function_calls_a_service_with_boto3(server: NeveServer, store: ObjectStore) -> None:
    variables = {"Variables": {"AWS_ENDPOINT_URL_S3": store.url}}
    answer = deploy(
        server, {"index.py": PUTS}, runtime=RUNTIME, timeout_s=30, MemorySize=1024, Environment=variables
    ).invoke()
    assert answer.error is None, answer.payload
    assert answer.value.endswith("/boto3/__init__.py")
    assert store.objects["/bucket/key"] == b"from a function"


@pytest.mark.parametrize("minor", [minor for _, minor in Runtimes().pythons() if minor >= 10])
def test_every_python_that_is_here_has_it(server: NeveServer, minor: int) -> None:
    text = "import boto3\ndef handler(event, context): return boto3.client('s3').meta.service_model.service_name"
    function = deploy(server, {"index.py": text}, runtime=f"python3.{minor}", timeout_s=30, MemorySize=1024)
    assert function.invoke().value == "s3"


def test_the_functions_own_copy_goes_before_a_layer_and_ours(server: NeveServer) -> None:
    own = {"index.py": "import boto3\ndef handler(event, context): return boto3.whose"}
    layer = published(server, {"python/boto3/__init__.py": "whose = 'the layer'"})
    with_layer = deploy(server, own, runtime=RUNTIME, Layers=[layer])
    assert with_layer.invoke().value == "the layer"
    with_both = deploy(server, own | {"boto3/__init__.py": "whose = 'mine'"}, runtime=RUNTIME, Layers=[layer])
    assert with_both.invoke().value == "mine"


def test_the_order_of_the_path_is_lambdas(server: NeveServer) -> None:
    path = deploy(server, {"index.py": LOOKS}, runtime=RUNTIME).invoke({"names": []}).value["path"]
    task, site, layer, *inner, packages, client = path
    assert "/python-packages-" in packages or packages == "/var/packages"
    assert task.startswith(str(server.data_dir)) or task == "/var/task"
    assert (site, layer) == (f"/opt/python/lib/{RUNTIME}/site-packages", "/opt/python")
    assert client == "/var/runtime" or client.endswith("/python")
    assert any(each.endswith(f"/{RUNTIME}") for each in inner)
    assert not any(Path(each).name in ("site-packages", "dist-packages") for each in inner)


def test_who_does_not_import_it_does_not_load_it(server: NeveServer) -> None:
    looked = deploy(server, {"index.py": LOOKS}, runtime=RUNTIME).invoke({"names": ["boto3"]}).value
    assert (looked["loaded"], looked["found"]) == ([], ["boto3"])


def test_nothing_else_of_this_machine_can_be_imported(server: NeveServer) -> None:
    names = ["neve", "click", "uvicorn", "pytest", "pip", "setuptools", "_distutils_hack"]
    looked = deploy(server, {"index.py": LOOKS}, runtime=RUNTIME).invoke({"names": names}).value
    assert looked["found"] == []


def test_the_builtins_of_an_interactive_python_are_there(server: NeveServer) -> None:
    looked = deploy(server, {"index.py": LOOKS}, runtime=RUNTIME).invoke({"names": []}).value
    assert looked["builtins"] == ["exit", "quit", "help", "copyright"]


def test_a_sitecustomize_on_the_python_path_runs(server: NeveServer) -> None:
    layer = published(server, {"python/sitecustomize.py": "import builtins; builtins.customized = 'yes'"})
    text = "def handler(event, context): return customized"
    folder = "/opt/python" if server.own("health")["sandbox"] != "bare" else "."
    files = {"index.py": text} | (
        {"sitecustomize.py": "import builtins; builtins.customized = 'yes'"} if folder == "." else {}
    )
    variables = {"Variables": {"PYTHONPATH": folder}}
    function = deploy(server, files, runtime=RUNTIME, Layers=[layer], Environment=variables)
    assert function.invoke().value == "yes"


def published(server: NeveServer, files: dict[str, str]) -> str:
    """The ARN of a new layer version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    content = {"ZipFile": buffer.getvalue()}
    arn: str = server.client("lambda").publish_layer_version(LayerName="packages", Content=content)["LayerVersionArn"]
    return arn

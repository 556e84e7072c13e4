"""Functions that other accounts may invoke, by the clients of those."""

import json
from typing import Any

import botocore.exceptions
import pytest
from tests.acceptance.conftest import Deploy
from tests.acceptance.server import NeveServer

FRIEND = "111111111111"
ECHO = {"index.py": "def handler(event, context):\n    print('ran', event)\n    return context.invoked_function_arn\n"}


def invoke(neve: NeveServer, arn: str, **parameters: Any) -> Any:
    answer = neve.client("lambda", account=FRIEND).invoke(FunctionName=arn, Payload=b'{"a":1}', **parameters)
    body = answer["Payload"].read()
    return answer["StatusCode"], json.loads(body) if body else None


def test_another_account_invokes_what_lets_it(neve: NeveServer, deployed: Deploy) -> None:
    function = deployed(ECHO, "python3.11")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"
    for parameters in ({}, {"InvocationType": "Event"}, {"InvocationType": "DryRun"}):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            invoke(neve, arn, **parameters)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    neve.client("lambda").add_permission(
        FunctionName=function.name, StatementId="friend", Action="lambda:InvokeFunction", Principal=FRIEND
    )
    assert invoke(neve, arn) == (200, arn)
    assert invoke(neve, arn, InvocationType="DryRun") == (204, None)
    assert invoke(neve, arn, InvocationType="Event") == (202, None)
    function.wait_line("ran {'a': 1}")

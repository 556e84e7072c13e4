"""What the policy of a key is asked for."""

from typing import Any

import pytest

from neve.api import actions
from neve.domain.world import World

HERE = World("123456789012", "eu-west-1")
PREFIX = "arn:aws:lambda:eu-west-1:123456789012"


@pytest.mark.parametrize(
    ("operation", "members", "action", "resource"),
    [
        ("Invoke", {"FunctionName": "f", "Qualifier": "1"}, "lambda:InvokeFunction", f"{PREFIX}:function:f:1"),
        ("GetFunction", {"FunctionName": "123456789012:f"}, "lambda:GetFunction", f"{PREFIX}:function:f"),
        ("GetFunction", {"FunctionName": f"{PREFIX}:function:f:a"}, "lambda:GetFunction", f"{PREFIX}:function:f:a"),
        ("TagResource", {"Resource": f"{PREFIX}:function:f"}, "lambda:TagResource", f"{PREFIX}:function:f"),
        ("GetLayerVersion", {"LayerName": "l", "VersionNumber": 2}, "lambda:GetLayerVersion", f"{PREFIX}:layer:l:2"),
        ("GetLayerVersionByArn", {"Arn": f"{PREFIX}:layer:l:2"}, "lambda:GetLayerVersion", f"{PREFIX}:layer:l:2"),
        ("ListFunctions", {}, "lambda:ListFunctions", "*"),
    ],
)
def test_action_and_resource(operation: str, members: dict[str, Any], action: str, resource: str) -> None:
    assert actions.asked("lambda", operation, members, HERE) == (action, resource)
    elsewhere = {
        name: value.replace("arn:aws:", "arn:aws-cn:") if isinstance(value, str) else value
        for name, value in members.items()
    }
    assert actions.asked("lambda", operation, elsewhere, HERE) == (action, resource)


def test_every_action_that_is_asked_for_has_its_name() -> None:
    names = actions.names()
    assert names["lambda:invoke"] == names["lambda:invokefunction"] == "lambda:InvokeFunction"
    assert {"lambda:InvokeFunctionUrl", "logs:GetLogEvents", "neve:ReadRecords"} <= set(names.values())
    assert "lambda:Invoke" not in names.values()

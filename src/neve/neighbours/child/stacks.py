"""CloudFormation: stacks of moto whose functions are Neve's, and what deployment tools need beyond what moto does.

* Resources of Lambda are made by Neve's API (`stack_kinds.py`).
* Templates of SAM are translated, when the package `aws-sam-translator` is there.
* An update follows the order of dependencies, so that a version is published of the new code; what a template has no more goes
  last. moto adds, then changes, in any order.
* An executed change set gives outputs. What a stack could not do is an error of the stack.
"""

import os
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from neve.neighbours.child.replace import replace
from neve.neighbours.child.say import say
from neve.neighbours.child.stack_kinds import KINDS, Kind, Made

_TRANSFORM = "AWS::Serverless-2016-10-31"
_AWS_POLICIES = (
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "service-role/AWSLambdaSQSQueueExecutionRole",
    "service-role/AWSLambdaKinesisExecutionRole",
    "service-role/AWSLambdaDynamoDBExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSLambda_ReadOnlyAccess",
)


def install(url: str) -> None:
    """From now on, for the Neve at `url`. ModuleNotFoundError without the packages that moto's CloudFormation needs."""
    from moto.cloudformation import models, parsing, responses

    warnings.filterwarnings("ignore", message="Tried to parse", module="moto")
    replace(parsing, "resource_class_from_type", lambda before: _with_kinds(before, url))
    replace(parsing, "resource_name_property_from_type", _with_names)
    replace(parsing.ResourceMap, "update", lambda before: _update)
    replace(parsing.ResourceMap, "parse_ssm_parameter", _with_values_of_before)
    replace(
        models.Stack, "parse_template", lambda before: staticmethod(lambda template: transformed(before(template), {}))
    )
    replace(models.ChangeSet, "_parse_template", lambda before: _parse_change_set)
    replace(models.ChangeSet, "apply", _with_outputs)
    replace(models.CloudFormationBackend, "describe_change_set", _as_missing)
    for module in (models, responses):
        replace(module, "get_stack_from_s3_url", _with_our_urls)


class Resource:
    """One resource of a template, and what Neve has of it. Names are those that moto asks for."""

    kind: Kind
    url: str

    def __init__(self, account: str, region: str, made: Made) -> None:
        self._account = account
        self._region = region
        self.made = made

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` gives."""
        return self.made.reference

    def get_cfn_attribute(self, name: str) -> str:
        """What `Fn::GetAtt` gives."""
        from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

        if name not in self.made.attributes:
            raise UnformattedGetAttTemplateException
        return self.made.attributes[name]

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Found out when it is asked for."""
        return True

    def is_created(self) -> bool:
        """What Neve answered is there."""
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Mapping[str, Any], account_id: str, region_name: str, **_: Any
    ) -> "Resource":
        """A new one. ValidationError of CloudFormation for what Neve refuses."""
        client = _client(cls.url, cls.kind.service, account_id, region_name)
        properties = cloudformation_json["Properties"]
        return cls(account_id, region_name, _asked(lambda: cls.kind.create(client, resource_name, properties)))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "Resource",
        new_resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> "Resource":
        """The same one changed, or another in its place when its name changed."""
        client = _client(cls.url, cls.kind.service, account_id, region_name)
        properties = cloudformation_json["Properties"]
        name = original_resource.physical_resource_id
        renamed = cls.kind.name is not None and properties.get(cls.kind.name, name) != name
        if cls.kind.update is not None and not renamed:
            update, before = cls.kind.update, original_resource.made
            return cls(account_id, region_name, _asked(lambda: update(client, before, properties)))
        if not renamed:
            original_resource.delete(account_id, region_name)
        made = cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)
        if renamed:
            original_resource.delete(account_id, region_name)
        return made

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any) -> None:
        """Resources delete themselves."""

    def delete(self, account_id: str, region_name: str) -> None:
        """What is gone already is no error."""
        client = _client(self.url, self.kind.service, account_id, region_name)
        try:
            self.kind.delete(client, self.made)
        except client.exceptions.ResourceNotFoundException:
            return


@cache
def _client(url: str, service: str, account: str, region: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120, proxies={}),
    )


def _asked(work: Any) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError
    from moto.cloudformation.exceptions import ValidationError

    try:
        return work()
    except (BotoCoreError, ClientError) as error:
        say(f"a stack failed: {error}")
        raise ValidationError(message=str(error)) from error


def _with_kinds(before: Any, url: str) -> Any:
    made = {
        name: type(name.rpartition(":")[2], (Resource,), {"kind": kind, "url": url}) for name, kind in KINDS.items()
    }

    def found(resource_type: str) -> Any:
        if resource_type in made:
            return made[resource_type]
        known = before(resource_type)
        if known is None:
            say(f"stacks are made without {resource_type}: moto does not know it")
        return known

    return found


def _with_names(before: Any) -> Any:
    return lambda kind: KINDS[kind].name if kind in KINDS else before(kind)


def _update(self: Any, template: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> None:
    """In the order of dependencies: what is new and what changed; then what is no more."""
    from moto.cloudformation.exceptions import CloudFormationError, ValidationError
    from moto.cloudformation.parsing import parse_and_update_resource
    from moto.core.exceptions import ServiceException

    actions = self.build_resource_diff(template, parameters)
    before = self._resource_json_map
    gone = {name: (self._parsed_resources.get(name), before[name]) for name in actions["Remove"]}
    self._template = template
    if parameters:
        self.input_parameters = parameters
    self.load_mapping()
    self.load_parameters()
    self.load_conditions()
    self._resource_json_map = template["Resources"]

    def make(name: str) -> None:
        if name in actions["Modify"] and self._parsed_resources.get(name) is None:
            self._parsed_resources.pop(name, None)  # what its condition kept away before, or moto did not know
        if name in actions["Modify"] and name in self._parsed_resources:
            changed = parse_and_update_resource(
                name, self._resource_json_map[name], self, account_id=self._account_id, region_name=self._region_name
            )
            if changed is not None:
                self._parsed_resources[name] = changed
        elif name in actions["Add"] or name in actions["Modify"]:
            _ = self[name]  # which makes it, unless another one needed it before

    for name in self._ResourceMap__get_resources_in_dependency_order():
        try:
            make(name)
        except CloudFormationError:
            raise
        except ServiceException as error:  # of another service of moto's, in whose protocol it would be told
            raise ValidationError(message=f"{name}: {error}") from error
    for name, (resource, described) in gone.items():
        self._parsed_resources.pop(name, None)
        if resource is not None and described.get("DeletionPolicy") != "Retain":
            self._delete_resource(resource, described)


def _with_values_of_before(before: Any) -> Any:
    """An update that keeps a parameter gives moto its value of before where it expects the name of an SSM parameter."""

    def parsed(self: Any, value: str, value_type: str) -> Any:
        try:
            return before(self, value, value_type)
        except AttributeError:
            return value

    return parsed


def _as_missing(before: Any) -> Any:
    """CDK asks until a change set is gone, and knows that by the code of the error."""

    def described(self: Any, change_set_name: str) -> Any:
        from moto.cloudformation.exceptions import CloudFormationError, ValidationError

        class ChangeSetNotFound(CloudFormationError):
            code = "ChangeSetNotFound"

        try:
            return before(self, change_set_name)
        except ValidationError as error:
            raise ChangeSetNotFound(f"ChangeSet [{change_set_name}] does not exist") from error

    return described


def _with_our_urls(before: Any) -> Any:
    """Of a template in a bucket. At the address of Neve the bucket is in the path; moto looks for it in the name of the host."""

    def read(template_url: str, account_id: str, partition: str) -> Any:
        parts = urlsplit(template_url)
        if (parts.hostname or "").endswith(".amazonaws.com"):
            return before(template_url, account_id, partition)
        return before(f"http://localhost{parts.path}", account_id, partition)

    return read


def _parse_change_set(self: Any) -> None:
    from moto.cloudformation.models import Stack

    plain = Stack.parse_template(self.template)
    self.template_dict = transformed(plain, self.parameters or {})


def _with_outputs(before: Any) -> Any:
    def apply(self: Any) -> None:
        before(self)
        self.stack.template_dict = self.template_dict
        self.stack.description = self.template_dict.get("Description")
        self.stack.output_map = self.stack._create_output_map()

    return apply


def transformed(template: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """A template of SAM as one of CloudFormation; any other as it is. ValidationError of CloudFormation."""
    transforms = template.get("Transform", [])
    if _TRANSFORM not in ([transforms] if isinstance(transforms, str) else transforms):
        return template
    from moto.cloudformation.exceptions import ValidationError

    try:
        from samtranslator.model.exceptions import InvalidDocumentException
        from samtranslator.translator.transform import transform
    except ModuleNotFoundError as error:
        raise NotImplementedError("templates of SAM need aws-sam-translator: pip install 'neve[stacks]'") from error
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator asks for one
    try:
        plain: dict[str, Any] = transform(template, dict(parameters), _Policies())
    except InvalidDocumentException as error:
        causes = "; ".join(str(each.message) for each in error.causes)
        raise ValidationError(message=f"Transform {_TRANSFORM} failed with: {error.message} {causes}") from error
    plain.pop("Transform", None)
    return plain


class _Policies:
    """The managed policies that functions usually name, as the translator asks for them."""

    def load(self) -> dict[str, str]:
        """Name → ARN."""
        return {path.rpartition("/")[2]: f"arn:aws:iam::aws:policy/{path}" for path in _AWS_POLICIES}

"""For each operation: what succeeds, what leads to each error that the service model documents, and why some errors cannot be.

All of it happens in the furnished world (`furnished.py`): the function `f` with version 1, alias `live`, a URL and a policy with
the statement `sid`; the layer `l` with version 1; a code signing config; an event source mapping. `docs/operations.md` tells
what is here; `test_operation_cases.py` runs it and fails for an operation or a documented error that is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.api.hostile import ACCOUNT, HOME, MAPPING, REGION
from tests.api.house import GIVEN, zipped

Members = Mapping[str, Any]
Call = tuple[str, Members]

F = {"FunctionName": "f"}
NOPE = {"FunctionName": "nope"}
V1 = {**F, "Qualifier": "1"}
CLASH = {"FunctionName": "f:1", "Qualifier": "live"}
OTHER_ALIAS = {"FunctionName": "f:other", "Qualifier": "live"}
FOREIGN_MARKER = {"Marker": "foreign"}
L1 = {"LayerName": "l", "VersionNumber": 1}
L0 = {"LayerName": "l", "VersionNumber": 0}
L9 = {"LayerName": "l", "VersionNumber": 9}
CSC = {"CodeSigningConfigArn": f"{HOME}:code-signing-config:csc-0123456789abcdefg"}
NO_CSC = {"CodeSigningConfigArn": f"{HOME}:code-signing-config:csc-99999999999999999"}
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"
NO_UUID = {"UUID": "00000000-0000-0000-0000-000000000000"}
PROVIDER = {"CapacityProviderName": "p"}
NO_PROVIDER = {"CapacityProviderName": "nope"}
CREATE_PROVIDER: Call = (
    "CreateCapacityProvider",
    {
        **PROVIDER,
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"},
    },
)
USES_PROVIDER: Call = (
    "CreateFunction",
    {
        **GIVEN,
        "FunctionName": "on",
        "CapacityProviderConfig": {
            "LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": f"{HOME}:capacity-provider:p"}
        },
        "Publish": True,
    },
)
SCALED = {"FunctionName": "on", "Qualifier": "1"}
GRANT = {"StatementId": "s2", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
LAYER_GRANT = {**L1, "StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
ARN = {"ResourceArn": f"{HOME}:function:f"}
NO_ARN = {"ResourceArn": f"{HOME}:function:nope"}
ALLOW = (
    '{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"999999999999"},'
    f'"Action":"lambda:InvokeFunction","Resource":"{HOME}:function:f"}}]}}'
)
TAGGED = {"Resource": f"{HOME}:function:f"}
TAGGED_VERSION = {"Resource": f"{HOME}:function:f:1"}
NOT_TAGGED = {"Resource": f"{HOME}:function:nope"}
STALE = {"RevisionId": "00000000-0000-0000-0000-000000000000"}
PROVISION: Call = ("PutProvisionedConcurrencyConfig", {**V1, "ProvisionedConcurrentExecutions": 1})
EVENT_CONFIG: Call = ("PutFunctionEventInvokeConfig", {**F, "MaximumRetryAttempts": 1})
SIGNED: Call = ("PutFunctionCodeSigningConfig", {**F, **CSC})
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic.fifo"

FULL_POLICY = tuple(
    (
        "AddPermission",
        {**F, **GRANT, "StatementId": f"s{number:03}{'x' * 90}", "SourceArn": f"arn:aws:s3:::{'b' * 200}"},
    )
    for number in range(39)
)
FULL_LAYER_POLICY = tuple(
    ("AddLayerVersionPermission", {**LAYER_GRANT, "StatementId": f"s{number:03}{'x' * 90}"}) for number in range(87)
)


@dataclass(frozen=True)
class Fails:
    """Members that lead to an error, after `before`. `while_changing`: the last of those is not waited for."""

    members: Members
    before: tuple[Call, ...] = ()
    while_changing: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One operation."""

    members: Members
    before: tuple[Call, ...] = ()
    errors: Mapping[str, Fails] = field(default_factory=dict)


IPV, RNF, RC, PF = (
    "InvalidParameterValueException",
    "ResourceNotFoundException",
    "ResourceConflictException",
    "PreconditionFailedException",
)
PLE = "PolicyLengthExceededException"
CSCNF = "CodeSigningConfigNotFoundException"
BUSY: tuple[Call, ...] = (("UpdateFunctionConfiguration", {**F, "Timeout": 9}),)


def of_function(
    members: Members, wrong: Members, before: tuple[Call, ...] = (), more: Mapping[str, Fails] | None = None
) -> Row:
    """An operation on a function: `wrong` is an invalid parameter."""
    missing = {**members, **NOPE}
    return Row({**F, **members}, before, {RNF: Fails(missing), IPV: Fails({**F, **members, **wrong}), **(more or {})})


CASES: Mapping[str, Row] = {
    "AddLayerVersionPermission": Row(
        LAYER_GRANT,
        (),
        {
            RNF: Fails({**LAYER_GRANT, **L9}),
            IPV: Fails({**LAYER_GRANT, **L0}),
            RC: Fails(LAYER_GRANT, (("AddLayerVersionPermission", LAYER_GRANT),)),
            PF: Fails({**LAYER_GRANT, **STALE}),
            PLE: Fails({**LAYER_GRANT, "StatementId": "y" * 100}, FULL_LAYER_POLICY),
        },
    ),
    "AddPermission": of_function(
        GRANT,
        {"Qualifier": "$LATEST"},
        more={
            RC: Fails({**F, **GRANT, "StatementId": "sid"}),
            PF: Fails({**F, **GRANT, **STALE}),
            PLE: Fails({**F, **GRANT, "StatementId": "y" * 100, "SourceArn": f"arn:aws:s3:::{'b' * 200}"}, FULL_POLICY),
        },
    ),
    "CreateAlias": of_function(
        {"Name": "green", "FunctionVersion": "1"},
        {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
        more={RC: Fails({**F, "Name": "live", "FunctionVersion": "1"})},
    ),
    "CreateCapacityProvider": Row(
        CREATE_PROVIDER[1],
        (),
        {
            IPV: Fails({**CREATE_PROVIDER[1], "Tags": {f"k{number}": "v" for number in range(51)}}),
            RC: Fails(CREATE_PROVIDER[1], (CREATE_PROVIDER,)),
        },
    ),
    "CreateCodeSigningConfig": Row(
        {
            "AllowedPublishers": {
                "SigningProfileVersionArns": [f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p/1"]
            }
        },
        (),
        {
            IPV: Fails(
                {
                    "AllowedPublishers": {
                        "SigningProfileVersionArns": [f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p/1"]
                    },
                    "Tags": {f"k{number}": "v" for number in range(51)},
                }
            )
        },
    ),
    "CreateEventSourceMapping": Row(
        {**F, "EventSourceArn": f"{QUEUE}2"},
        (),
        {IPV: Fails({**NOPE, "EventSourceArn": QUEUE}), RC: Fails({**F, "EventSourceArn": QUEUE})},
    ),
    "CreateFunction": Row(
        {**GIVEN, "FunctionName": "new"},
        (),
        {
            IPV: Fails({**GIVEN, "FunctionName": "new", "Runtime": "nodejs1.x"}),
            RC: Fails(GIVEN),
            RNF: Fails({**GIVEN, "FunctionName": f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f"}),
            CSCNF: Fails({**GIVEN, "FunctionName": "new", **NO_CSC}),
        },
    ),
    "CreateFunctionUrlConfig": of_function(
        {"AuthType": "NONE", "Qualifier": "live"},
        {"FunctionName": "f:other", "Qualifier": "live"},
        more={RC: Fails({**F, "AuthType": "NONE"})},
    ),
    "DeleteAlias": Row({**F, "Name": "live"}, (), {RNF: Fails({"FunctionName": "f:1", "Name": "live"})}),
    "DeleteCapacityProvider": Row(
        PROVIDER,
        (CREATE_PROVIDER,),
        {RNF: Fails(NO_PROVIDER), RC: Fails(PROVIDER, (CREATE_PROVIDER, USES_PROVIDER))},
    ),
    "DeleteCodeSigningConfig": Row(CSC, (), {RNF: Fails(NO_CSC), RC: Fails(CSC, (SIGNED,))}),
    "DeleteEventSourceMapping": Row({"UUID": MAPPING}, (), {RNF: Fails(NO_UUID)}),
    "DeleteFunction": Row(
        F, (), {RNF: Fails(NOPE), IPV: Fails({**F, "Qualifier": "$LATEST"}), RC: Fails({**F, "Qualifier": "1"})}
    ),
    "DeleteFunctionCodeSigningConfig": Row(F, (SIGNED,), {RNF: Fails(NOPE)}),
    "DeleteFunctionConcurrency": of_function({}, {"FunctionName": "f:1"}),
    "DeleteFunctionEventInvokeConfig": of_function({}, CLASH, (EVENT_CONFIG,)),
    "DeleteFunctionUrlConfig": of_function({}, OTHER_ALIAS),
    "DeleteLayerVersion": Row(L1, (), {IPV: Fails(L0)}),
    "DeleteProvisionedConcurrencyConfig": of_function({"Qualifier": "1"}, {"Qualifier": "$LATEST"}, (PROVISION,)),
    "DeleteResourcePolicy": Row(ARN, (), {RNF: Fails(NO_ARN), PF: Fails({**ARN, **STALE})}),
    "GetAccountSettings": Row({}),
    "GetAlias": Row({**F, "Name": "live"}, (), {RNF: Fails({**F, "Name": "blue"})}),
    "GetCapacityProvider": Row(PROVIDER, (CREATE_PROVIDER,), {RNF: Fails(NO_PROVIDER)}),
    "GetCodeSigningConfig": Row(CSC, (), {RNF: Fails(NO_CSC)}),
    "GetEventSourceMapping": Row({"UUID": MAPPING}, (), {RNF: Fails(NO_UUID)}),
    "GetFunction": of_function({}, CLASH),
    "GetFunctionCodeSigningConfig": Row(F, (SIGNED,), {RNF: Fails(NOPE)}),
    "GetFunctionConcurrency": of_function({}, {"FunctionName": "f:1"}),
    "GetFunctionConfiguration": of_function({}, CLASH),
    "GetFunctionEventInvokeConfig": of_function({}, CLASH, (EVENT_CONFIG,)),
    "GetFunctionRecursionConfig": Row(F, (), {RNF: Fails(NOPE)}),
    "GetFunctionScalingConfig": Row(
        SCALED, (CREATE_PROVIDER, USES_PROVIDER), {RNF: Fails({**SCALED, **NOPE}), IPV: Fails(V1)}
    ),
    "GetFunctionUrlConfig": of_function({}, OTHER_ALIAS),
    "GetLayerVersion": Row(L1, (), {RNF: Fails(L9), IPV: Fails(L0)}),
    "GetLayerVersionByArn": Row({"Arn": f"{HOME}:layer:l:1"}, (), {RNF: Fails({"Arn": f"{HOME}:layer:l:9"})}),
    "GetLayerVersionPolicy": Row(L1, (("AddLayerVersionPermission", LAYER_GRANT),), {RNF: Fails(L9), IPV: Fails(L0)}),
    "GetPolicy": of_function({}, CLASH),
    "GetProvisionedConcurrencyConfig": of_function(
        {"Qualifier": "1"},
        {"Qualifier": "$LATEST"},
        (PROVISION,),
        more={"ProvisionedConcurrencyConfigNotFoundException": Fails({**F, "Qualifier": "live"})},
    ),
    "GetResourcePolicy": Row(ARN, (), {RNF: Fails(NO_ARN)}),
    "GetRuntimeManagementConfig": of_function({}, CLASH),
    "Invoke": of_function(
        {},
        CLASH,
        more={
            "InvalidRequestContentException": Fails({**F, "Payload": b"{"}),
            RC: Fails({"FunctionName": "young"}, (("CreateFunction", {**GIVEN, "FunctionName": "young"}),), True),
            "UnsupportedMediaTypeException": Fails({**F, "Payload": b"{}"}, headers={"content-encoding": "br"}),
        },
    ),
    "InvokeWithResponseStream": of_function(
        {},
        CLASH,
        more={
            "InvalidRequestContentException": Fails({**F, "Payload": b"{"}),
            RC: Fails({"FunctionName": "young"}, (("CreateFunction", {**GIVEN, "FunctionName": "young"}),), True),
            "UnsupportedMediaTypeException": Fails({**F, "Payload": b"{}"}, headers={"content-encoding": "br"}),
        },
    ),
    "InvokeAsync": Row(
        {**F, "InvokeArgs": b"{}"},
        (),
        {
            RNF: Fails({**NOPE, "InvokeArgs": b"{}"}),
            "InvalidRequestContentException": Fails({**F, "InvokeArgs": b"{"}),
            RC: Fails(
                {"FunctionName": "young", "InvokeArgs": b"{}"},
                (("CreateFunction", {**GIVEN, "FunctionName": "young"}),),
                True,
            ),
        },
    ),
    "ListAliases": of_function({}, FOREIGN_MARKER),
    "ListCapacityProviders": Row({}, (), {IPV: Fails(FOREIGN_MARKER)}),
    "ListCodeSigningConfigs": Row({}, (), {IPV: Fails(FOREIGN_MARKER)}),
    "ListEventSourceMappings": of_function({}, FOREIGN_MARKER),
    "ListFunctionEventInvokeConfigs": of_function({}, FOREIGN_MARKER),
    "ListFunctionUrlConfigs": of_function({}, FOREIGN_MARKER),
    "ListFunctionVersionsByCapacityProvider": Row(
        PROVIDER,
        (CREATE_PROVIDER, USES_PROVIDER),
        {RNF: Fails(NO_PROVIDER), IPV: Fails({**PROVIDER, **FOREIGN_MARKER}, (CREATE_PROVIDER,))},
    ),
    "ListFunctions": Row({}, (), {IPV: Fails(FOREIGN_MARKER)}),
    "ListFunctionsByCodeSigningConfig": Row(
        CSC, (SIGNED,), {RNF: Fails(NO_CSC), IPV: Fails({**CSC, **FOREIGN_MARKER})}
    ),
    "ListLayerVersions": Row({"LayerName": "l"}, (), {IPV: Fails({"LayerName": "l", **FOREIGN_MARKER})}),
    "ListLayers": Row({}, (), {IPV: Fails(FOREIGN_MARKER)}),
    "ListProvisionedConcurrencyConfigs": of_function({}, FOREIGN_MARKER, (PROVISION,)),
    "ListTags": Row(TAGGED, (), {RNF: Fails(NOT_TAGGED), IPV: Fails(TAGGED_VERSION)}),
    "ListVersionsByFunction": of_function({}, FOREIGN_MARKER),
    "PublishLayerVersion": Row(
        {"LayerName": "l", "Content": {"ZipFile": zipped()}},
        (),
        {IPV: Fails({"LayerName": "l", "Content": {"ZipFile": b"no zip"}})},
    ),
    "PublishVersion": of_function(
        {}, {"CodeSha256": "other"}, more={RC: Fails(F, BUSY, True), PF: Fails({**F, **STALE})}
    ),
    "PutFunctionCodeSigningConfig": Row({**F, **CSC}, (), {RNF: Fails({**NOPE, **CSC}), CSCNF: Fails({**F, **NO_CSC})}),
    "PutFunctionConcurrency": of_function({"ReservedConcurrentExecutions": 1}, {"ReservedConcurrentExecutions": 901}),
    "PutFunctionEventInvokeConfig": of_function(
        {"MaximumRetryAttempts": 1}, {"Qualifier": "live", "FunctionName": "f:1"}
    ),
    "PutFunctionRecursionConfig": Row(
        {**F, "RecursiveLoop": "Allow"}, (), {RNF: Fails({**NOPE, "RecursiveLoop": "Allow"})}
    ),
    "PutFunctionScalingConfig": Row(
        {**SCALED, "FunctionScalingConfig": {"MinExecutionEnvironments": 1}},
        (CREATE_PROVIDER, USES_PROVIDER),
        {RNF: Fails({**SCALED, **NOPE}), IPV: Fails(V1)},
    ),
    "PutProvisionedConcurrencyConfig": of_function(
        {"Qualifier": "1", "ProvisionedConcurrentExecutions": 1},
        {"Qualifier": "$LATEST"},
        more={RC: Fails({**F, "Qualifier": "live", "ProvisionedConcurrentExecutions": 1}, (PROVISION,))},
    ),
    "PutResourcePolicy": Row(
        {**ARN, "Policy": ALLOW},
        (),
        {
            RNF: Fails({**NO_ARN, "Policy": ALLOW}),
            IPV: Fails({**ARN, "Policy": '{"Statement":[]}'}),
            PF: Fails({**ARN, "Policy": ALLOW, **STALE}),
        },
    ),
    "PutRuntimeManagementConfig": of_function({"UpdateRuntimeOn": "Auto"}, {"UpdateRuntimeOn": "Manual"}),
    "RemoveLayerVersionPermission": Row(
        {**L1, "StatementId": "s"},
        (("AddLayerVersionPermission", LAYER_GRANT),),
        {
            RNF: Fails({**L1, "StatementId": "other"}),
            IPV: Fails({**L0, "StatementId": "s"}),
            PF: Fails({**L1, "StatementId": "s", **STALE}, (("AddLayerVersionPermission", LAYER_GRANT),)),
        },
    ),
    "RemovePermission": of_function(
        {"StatementId": "sid"}, CLASH, more={PF: Fails({**F, "StatementId": "sid", **STALE})}
    ),
    "TagResource": Row(
        {**TAGGED, "Tags": {"a": "b"}},
        (),
        {RNF: Fails({**NOT_TAGGED, "Tags": {"a": "b"}}), IPV: Fails({**TAGGED_VERSION, "Tags": {"a": "b"}})},
    ),
    "UntagResource": Row(
        {**TAGGED, "TagKeys": ["a"]},
        (),
        {RNF: Fails({**NOT_TAGGED, "TagKeys": ["a"]}), IPV: Fails({**TAGGED_VERSION, "TagKeys": ["a"]})},
    ),
    "UpdateAlias": Row(
        {**F, "Name": "live", "Description": "d"},
        (),
        {
            RNF: Fails({**F, "Name": "blue"}),
            IPV: Fails({**F, "Name": "live", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}),
            PF: Fails({**F, "Name": "live", **STALE}),
        },
    ),
    "UpdateCapacityProvider": Row(PROVIDER, (CREATE_PROVIDER,), {RNF: Fails(NO_PROVIDER)}),
    "UpdateCodeSigningConfig": Row({**CSC, "Description": "d"}, (), {RNF: Fails(NO_CSC)}),
    "UpdateEventSourceMapping": Row(
        {"UUID": MAPPING, "BatchSize": 5},
        (),
        {
            RNF: Fails(NO_UUID),
            IPV: Fails({"UUID": MAPPING, **NOPE}),
            RC: Fails(
                {"UUID": MAPPING, "FunctionName": "f:live"},
                (("CreateEventSourceMapping", {"FunctionName": "f:live", "EventSourceArn": QUEUE}),),
            ),
        },
    ),
    "UpdateFunctionCode": of_function(
        {"ZipFile": zipped("2")},
        {"ZipFile": b"no zip"},
        more={RC: Fails({**F, "ZipFile": zipped("2")}, BUSY, True), PF: Fails({**F, "ZipFile": zipped("2"), **STALE})},
    ),
    "UpdateFunctionConfiguration": of_function(
        {"Timeout": 8}, {"Runtime": "nodejs1.x"}, more={RC: Fails(F, BUSY, True), PF: Fails({**F, **STALE})}
    ),
    "UpdateFunctionEventInvokeConfig": of_function({"MaximumRetryAttempts": 2}, CLASH, (EVENT_CONFIG,)),
    "UpdateFunctionUrlConfig": of_function({"AuthType": "AWS_IAM"}, OTHER_ALIAS),
}


# What is not in the table.

_WIRE = "tests/acceptance/test_invoke_wire.py"
_QUOTAS = "tests/api/test_quotas.py"
_BUSY = "tests/acceptance/test_concurrency.py"
ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("Invoke", "TooManyRequestsException"): _BUSY,
    ("InvokeWithResponseStream", "TooManyRequestsException"): _BUSY,
    ("Invoke", "RequestTooLargeException"): _WIRE,
    ("InvokeWithResponseStream", "RequestTooLargeException"): "tests/api/test_invoke_stream.py",
    ("Invoke", "RecursiveInvocationException"): _WIRE,
    ("InvokeWithResponseStream", "RecursiveInvocationException"): _WIRE,
    ("CreateFunction", "CodeStorageExceededException"): _QUOTAS,
    ("UpdateFunctionCode", "CodeStorageExceededException"): _QUOTAS,
    ("PublishLayerVersion", "CodeStorageExceededException"): _QUOTAS,
    ("PublishVersion", "CodeStorageExceededException"): _QUOTAS,
}
"""Where an error of an operation has its test, when it takes more than a request."""

_WAIT = "Changes of one thing wait for each other."
_NO_FILES = "No file systems are mounted."
_NO_VPC = "Functions are in no VPC."
_NO_KEYS = "Nothing is encrypted with a key."
_NO_SNAPSHOTS = "There are no snapshots."
_NO_SIGNATURES = "Signatures of code are not looked at."
_CHECKED_BEFORE = "The archive and the runtime are checked before a function is Active."
_MALFORMED = "What is wrong with a member is a ValidationException."

NEVER: Mapping[str, str] = {
    "TooManyRequestsException": "Neve does not limit how often its API is called.",
    "EC2AccessDeniedException": _NO_VPC,
    "EC2ThrottledException": _NO_VPC,
    "EC2UnexpectedException": _NO_VPC,
    "ENILimitReachedException": _NO_VPC,
    "ENINotReadyException": _NO_VPC,
    "InvalidSecurityGroupIDException": _NO_VPC,
    "InvalidSubnetIDException": _NO_VPC,
    "SubnetIPAddressLimitReachedException": _NO_VPC,
    "EFSIOException": _NO_FILES,
    "EFSMountConnectivityException": _NO_FILES,
    "EFSMountFailureException": _NO_FILES,
    "EFSMountTimeoutException": _NO_FILES,
    "S3FilesMountConnectivityException": _NO_FILES,
    "S3FilesMountFailureException": _NO_FILES,
    "S3FilesMountTimeoutException": _NO_FILES,
    "KMSAccessDeniedException": _NO_KEYS,
    "KMSDisabledException": _NO_KEYS,
    "KMSInvalidStateException": _NO_KEYS,
    "KMSNotFoundException": _NO_KEYS,
    "SnapStartException": _NO_SNAPSHOTS,
    "SnapStartNotReadyException": _NO_SNAPSHOTS,
    "SnapStartTimeoutException": _NO_SNAPSHOTS,
    "SnapStartRegenerationFailureException": _NO_SNAPSHOTS,
    "InvalidCodeSignatureException": _NO_SIGNATURES,
    "CodeVerificationFailedException": _NO_SIGNATURES,
    "InvalidRuntimeException": _CHECKED_BEFORE,
    "InvalidZipFileException": _CHECKED_BEFORE,
    "RuntimeAliasDeletedException": _CHECKED_BEFORE,
    "RuntimeVersionDeletedException": _CHECKED_BEFORE,
    "CodeArtifactUserDeletedException": _CHECKED_BEFORE,
    "CodeArtifactUserFailedException": _CHECKED_BEFORE,
    "CodeArtifactUserPendingException": _CHECKED_BEFORE,
    "ResourceNotReadyException": "A function that is not ready is a ResourceConflictException.",
    "SerializedRequestEntityTooLargeException": "A request that is too large is a RequestTooLargeException.",
    "ServiceQuotaExceededException": "Neve has no such quota.",
    "ModeNotSupportedException": "Every function can be invoked in every way.",
    "NoPublishedVersionException": "`$LATEST` of a function with a capacity provider runs as well.",
    "DurableExecutionAlreadyStartedException": "Neve runs no durable executions.",
    "FunctionVersionsPerCapacityProviderLimitExceededException": "Neve has no such quota.",
    "CapacityProviderLimitExceededException": "Neve has no such quota.",
    "AliasLimitExceededException": "Neve has no such quota.",
    "PublicPolicyException": "Neve knows no block of public access.",
    "ResourceInUseException": _WAIT,
    RC: _WAIT,
    IPV: _MALFORMED,
    CSCNF: "A config that a function uses cannot be deleted.",
}
"""Errors that cannot come about, and why; of an operation that has none of its own in `CASES`."""

NEVER_HERE: Mapping[tuple[str, str], str] = {
    ("CreateEventSourceMapping", RNF): "An unknown function is an InvalidParameterValueException, as on the service.",
    ("DeleteLayerVersion", RNF): "What is not there is deleted without an error.",
    ("ListLayerVersions", RNF): "A layer that is not there has an empty list.",
    ("PublishLayerVersion", RNF): "A layer that is not there is begun.",
    ("PutResourcePolicy", PLE): "A policy that is too large is a ValidationException.",
}
"""As `NEVER`, for one operation."""

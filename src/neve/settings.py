"""Every setting of Neve in one table (design D14): environment, `neve.toml`, flags, `--help` and the docs read it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neve.domain.errors import OperatorError as OperatorError  # the command line knows no floor but catches this
from neve.domain.limits import Quotas

_MB = 1_048_576


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in snake case (flag `--name`, environment `NEVE_NAME`), its type, default and help."""

    name: str
    type: type
    default: object
    help: str
    choices: tuple[str, ...] = ()

    @property
    def takes(self) -> str:
        """What a value of it is, as the end of a sentence."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return "pairs like name=value" if self.type is dict else f"a value of type {self.type.__name__}"


SETTINGS: tuple[Setting, ...] = (
    Setting("host", str, "127.0.0.1", "Address to listen on."),
    Setting("port", int, 4566, "Port to listen on; 0 takes a free one."),
    Setting(
        "auth",
        str,
        "none",
        "Who may call: none (everybody who reaches the port, an access key of twelve digits being the account), or sigv4: "
        "signatures are checked with the keys of `neve keys`.",
        ("none", "sigv4"),
    ),
    Setting(
        "allow_anonymous",
        bool,
        False,
        "Listen on an address that other machines reach although nobody is asked for a key: whoever reaches it runs code here.",
    ),
    Setting(
        "master_key_file",
        str,
        "",
        "What the secrets of access keys are encrypted with: 32 bytes in Base64, mode 600; by default `master.key` in the data "
        "directory, made with the first key.",
    ),
    Setting("data_dir", str, "~/.local/share/neve", "Where functions, code and logs are kept."),
    Setting(
        "virtual_clock",
        bool,
        False,
        "Allow `neve clock advance`: retries and idle limits follow a clock that can be moved.",
    ),
    Setting(
        "function_urls",
        str,
        "auto",
        "Function URLs as the API tells them: host (http://ID.lambda-url.REGION.localhost:4566/), path "
        "(http://127.0.0.1:4566/_neve/urls/ID/), auto (host where names below localhost are known, else path), or a URL with "
        "{id} and {region} that leads here.",
    ),
    Setting("drain_seconds", float, 10.0, "How long a stopping Neve waits for running invocations."),
    Setting("idle_seconds", float, 600.0, "How long an unused environment is kept before it is shut down."),
    Setting(
        "init_seconds", float, 10.0, "How long an init phase may take before it is repeated inside the invocation."
    ),
    Setting(
        "freeze_grace_ms",
        float,
        0.0,
        "Wait this long before an idle environment freezes; 0 freezes at once, as Lambda does.",
    ),
    Setting(
        "prestarted",
        int,
        2,
        "Runtimes that wait, booted and frozen, for a function to start in: so many of each kind that functions use (of Node.js "
        "each version and memory size is a kind, of Python each version). 0 starts every environment from nothing.",
    ),
    Setting("log_mb", int, 10_240, "Keep so many MB of logs at most: the oldest go, of all functions; 0 keeps all."),
    Setting("concurrency", int, 1000, "Concurrent executions of one account in one region."),
    Setting("code_storage_mb", int, 76_800, "Code of all functions and layers of one account in one region, zipped."),
    Setting("code_zipped_mb", int, 50, "Code that is uploaded in a request; what lies in a bucket may be larger."),
    Setting("code_unzipped_mb", int, 250, "Code and layers of one function, unzipped."),
    Setting("layers_per_function", int, 5, "Layers that one function may use."),
    Setting("environment_kb", int, 4, "Environment variables of one function, names and values."),
    Setting("policy_kb", int, 20, "Resource policy of one function, version, alias or layer version."),
    Setting(
        "event_concurrency",
        int,
        64,
        "Events of one function that run at once at most; fewer where more would not help.",
    ),
    Setting(
        "retry_base_seconds",
        float,
        60.0,
        "An event whose function failed is run again after this long, then after twice as long.",
    ),
    Setting("event_retention_seconds", float, 86_400.0, "How long `neve queue` remembers events that failed for good."),
    Setting(
        "limit_rate",
        bool,
        True,
        "Throttle synchronous invocations beyond 10 a second for each unit of concurrency, as Lambda does.",
    ),
    Setting(
        "limit_bandwidth",
        bool,
        False,
        "Slow streamed responses down to 2 MB a second after their first 6 MB, as Lambda does.",
    ),
    Setting("sandbox", str, "auto", "How environments are isolated: auto (the best that works), bubblewrap, bare."),
    Setting("freezer", str, "auto", "How environments are frozen: auto, cgroup2, cgroup1, signals."),
    Setting(
        "limit_cpu",
        bool,
        True,
        "Give a function the CPU of its memory size (1,769 MB are one vCPU) after its init phase.",
    ),
    Setting(
        "refuse_deprecated",
        bool,
        False,
        "Refuse functions with a runtime that Lambda takes no more (nodejs14.x, python3.7, …), instead of a warning.",
    ),
    Setting(
        "leaks",
        str,
        "detect",
        "Watch for execution leaks: off, detect, or explain (with promises: costs up to 1 ms an invocation). A first leak "
        "in detect switches explain on for the next environments of that function.",
        ("off", "detect", "explain"),
    ),
    Setting("bill_init", bool, True, "Bill the init phase, as since August 2025."),
    Setting(
        "neighbours",
        bool,
        False,
        "Answer for the other AWS services (SQS, S3, DynamoDB, …) with moto, which forgets everything when Neve ends.",
    ),
    Setting(
        "endpoints",
        dict,
        {},
        "Where services are instead, by service: a URL, or `aws`. A table in neve.toml; else pairs: sqs=http://host:9324,s3=aws.",
    ),
    Setting(
        "prices",
        dict,
        {},
        "Money for a million of `requests`, of GB-seconds on `x86_64` and `arm64`, of GB-seconds of `storage` (/tmp above "
        "512 MB), for `neve cost`; else AWS's public prices. A table in neve.toml; else pairs: requests=0.2,arm64=13.3334.",
    ),
    Setting(
        "billing_step_ms", int, 1, "Round billed durations up to this many milliseconds (100 until December 2020)."
    ),
)


@dataclass(frozen=True)
class Settings:
    """The values in force, by name."""

    host: str
    port: int
    auth: str
    allow_anonymous: bool
    master_key_file: str
    data_dir: Path
    virtual_clock: bool
    function_urls: str
    drain_seconds: float
    idle_seconds: float
    init_seconds: float
    freeze_grace_ms: float
    prestarted: int
    log_mb: int
    concurrency: int
    code_storage_mb: int
    code_zipped_mb: int
    code_unzipped_mb: int
    layers_per_function: int
    environment_kb: int
    policy_kb: int
    limit_rate: bool
    limit_bandwidth: bool
    event_concurrency: int
    retry_base_seconds: float
    event_retention_seconds: float
    sandbox: str
    freezer: str
    limit_cpu: bool
    refuse_deprecated: bool
    leaks: str
    bill_init: bool
    neighbours: bool
    endpoints: Mapping[str, str]
    prices: Mapping[str, str]
    billing_step_ms: int

    @property
    def quotas(self) -> Quotas:
        """The quotas that an operator may set, with what these settings say."""
        return Quotas(
            code_storage=self.code_storage_mb * _MB,
            code_zipped=self.code_zipped_mb * _MB,
            code_unzipped=self.code_unzipped_mb * _MB,
            layers=self.layers_per_function,
            environment=self.environment_kb * 1024,
            policy=self.policy_kb * 1024,
        )


def load(
    flags: Mapping[str, object], environ: Mapping[str, str] = os.environ, file: Mapping[str, object] | None = None
) -> Settings:
    """Flags win over `NEVE_*` variables, those over `neve.toml`, that over the defaults. OperatorError for a bad value."""
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        raw = _first_given(setting, flags, environ, file or {})
        values[setting.name] = _convert(setting, raw)
    values["data_dir"] = Path(values["data_dir"]).expanduser()
    return Settings(**values)


def _first_given(
    setting: Setting, flags: Mapping[str, object], environ: Mapping[str, str], file: Mapping[str, object]
) -> object:
    if flags.get(setting.name) is not None:
        return flags[setting.name]
    variable = environ.get(f"NEVE_{setting.name.upper()}")
    if variable is not None:
        return variable
    return file.get(setting.name, setting.default)


def _convert(setting: Setting, raw: object) -> object:
    try:
        if setting.type is bool and isinstance(raw, str):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[raw.lower()]
        if setting.type is bool and not isinstance(raw, bool):
            raise ValueError(raw)
        if setting.type is dict and isinstance(raw, str):
            return _pairs(raw)
        if setting.choices and raw not in setting.choices:
            raise ValueError(raw)
        return setting.type(raw)
    except (KeyError, TypeError, ValueError):
        raise OperatorError(
            f"the setting {setting.name} takes {setting.takes}, not {raw!r}; "
            f"mend NEVE_{setting.name.upper()}, neve.toml or the flag"
        ) from None


def _pairs(text: str) -> dict[str, str]:
    """`name=value,name=value`; ValueError when a pair has no `=`."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): _given(value.strip(), mark) for name, mark, value in pairs}


def _given(value: str, mark: str) -> str:
    if not mark:
        raise ValueError(value)
    return value

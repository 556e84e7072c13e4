"""Every quota of the service, one constant each, with its name there. Source: billing-limits and invoke-api facts."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024

SYNC_REQUEST_BYTES = 6_291_456
SYNC_RESPONSE_BYTES = 6_291_556
STREAMED_RESPONSE_BYTES = 209_715_200
STREAM_BURST_BYTES = 6_291_456
STREAM_BYTES_PER_S = 2_097_152
EVENT_REQUEST_BYTES = 1_048_576
CLIENT_CONTEXT_BYTES = 3_583

EVENT_RETRIES = 2
EVENT_MAXIMUM_AGE_S = 21_600
DEAD_LETTER_ERROR_BYTES = 1_024
RECURSION_RUNS = 16  # of one function in one chain
SNS_MESSAGE_BYTES = 262_144
LOG_TAIL_BYTES = 4_096

CODE_SIZE_ZIPPED = 52_428_800
CODE_SIZE_UNZIPPED = 262_144_000
CODE_REQUEST_BYTES = 70_167_211
TOTAL_CODE_SIZE = 80_530_636_800

CONCURRENT_EXECUTIONS = 1_000
UNRESERVED_MINIMUM = 100
SCALING_ENVIRONMENTS = 1_000  # of one function, in each
SCALING_SECONDS = 10.0
PROVISIONED_INIT_SECONDS = 130.0  # or the function's timeout, whichever is longer
REQUESTS_PER_SECOND = 10  # for each unit of concurrency
PROVISIONED_CONFIGS_PER_PAGE = 50
EVENT_INVOKE_CONFIGS_PER_PAGE = 50
CODE_SIGNING_CONFIGS_PER_PAGE = 50
CAPACITY_PROVIDERS_PER_PAGE = 50
FUNCTION_URLS_PER_PAGE = 50
MAPPINGS_PER_PAGE = 100
FIFO_BATCH_SIZE = 10
QUEUE_BATCH_SIZE_WITHOUT_WINDOW = 10
FILTERS = 5  # of one mapping; the service raises it to 10 for who asks
RECORD_AGE_MINIMUM_S = 60
FUNCTION_NAME_LENGTH = 64
ENVIRONMENT_BYTES = 4_096
TAGS = 50

DEFAULT_MEMORY_MB = 128
MAXIMUM_MEMORY_MB = 10_240
DEFAULT_TIMEOUT_S = 3
MAXIMUM_TIMEOUT_S = 900
DEFAULT_EPHEMERAL_STORAGE_MB = 512

MEMORY_MB_PER_CPU = 1_769
PROCESSES_AND_THREADS = 1_024
OPEN_FILES = 1_024

FUNCTIONS_PER_PAGE = 50
LAYERS_PER_PAGE = 50
LAYERS_PER_FUNCTION = 5
POLICY_BYTES = 20_480


@dataclass(frozen=True, slots=True)
class Quotas:
    """Those that an operator may set otherwise, with the service's values. Sizes in bytes.

    `code_zipped` is what a request may carry, `code_unzipped` what code and layers of a function may unpack to.
    """

    code_storage: int = TOTAL_CODE_SIZE
    code_zipped: int = CODE_SIZE_ZIPPED
    code_unzipped: int = CODE_SIZE_UNZIPPED
    layers: int = LAYERS_PER_FUNCTION
    environment: int = ENVIRONMENT_BYTES
    policy: int = POLICY_BYTES

    @property
    def code_request(self) -> int:
        """The body of a request with code in it: as much more than the code as the service allows."""
        return CODE_REQUEST_BYTES * self.code_zipped // CODE_SIZE_ZIPPED


THE_SERVICES = Quotas()

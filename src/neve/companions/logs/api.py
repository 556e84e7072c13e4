"""The CloudWatch Logs operations that this companion serves, by their names in the service model."""

from neve.clock import Clock
from neve.companions.logs.groups import Groups
from neve.companions.logs.reading import Reading
from neve.companions.logs.streams import Streams
from neve.companions.logs.writing import Writing
from neve.domain.call import Operation
from neve.storage.store import LogStore


def operations(store: LogStore, clock: Clock) -> dict[str, Operation]:
    """Every operation: members named and typed as in botocore's `logs` model (times are integers in milliseconds)."""
    groups, streams = Groups(store, clock), Streams(store, clock)
    reading, writing = Reading(store, streams), Writing(store, clock, streams)
    return {
        "CreateLogGroup": groups.create,
        "CreateLogStream": streams.create,
        "DeleteLogGroup": groups.delete,
        "DeleteLogStream": streams.delete,
        "DeleteRetentionPolicy": groups.delete_retention,
        "DescribeLogGroups": groups.describe,
        "DescribeLogStreams": streams.describe,
        "FilterLogEvents": reading.filter,
        "GetLogEvents": reading.get,
        "ListTagsForResource": groups.tags,
        "PutLogEvents": writing.put,
        "PutRetentionPolicy": groups.put_retention,
    }

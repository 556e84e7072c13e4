"""The X-Ray trace header of an invocation, and what `TracingConfig` makes of it.

    Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0

The caller's header is passed on as it is. A function whose mode is Active begins a segment of its own for each run that is
sampled: the function's parent is that segment, and REPORT tells it. The caller decides what is sampled; where it does not,
the mode does. (On Lambda an active function samples the first run of each second and 5 % of the others; with Neve, where
somebody wants to see one run, it samples all.) Source: lifecycle facts §6, §7.
"""

ACTIVE = "Active"
_PARENT, _SAMPLED = "Parent=", "Sampled="


def new_header(seconds: float, random: str, mode: str) -> str:
    """A header for a caller who sent none. `random` is 40 hexadecimal digits, `seconds` the time since the epoch."""
    return f"Root=1-{int(seconds):08x}-{random[:24]};Parent={random[24:40]};Sampled={int(mode == ACTIVE)}"


def begin_segment(header: str, segment_id: str) -> str | None:
    """The header with this segment as the parent, for a function that is actively traced; None when the run is not sampled."""
    members = [member for member in header.split(";") if member]
    if f"{_SAMPLED}0" in members:
        return None
    kept = [member for member in members if not member.startswith((_PARENT, _SAMPLED))]
    after_root = next((index + 1 for index, member in enumerate(kept) if member.startswith("Root=")), 0)
    return ";".join([*kept[:after_root], _PARENT + segment_id, f"{_SAMPLED}1", *kept[after_root:]])


def trace_id(header: str) -> str:
    """The id of the whole trace: `1-5759e988-bd862e3fe1be46a994272793`; empty when the header has none."""
    return next((member[5:] for member in header.split(";") if member.startswith("Root=")), "")

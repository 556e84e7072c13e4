"""How hard hypothesis looks: the same cases every time by default, ever new ones with `--hypothesis-profile=long`."""

from hypothesis import HealthCheck, settings

settings.register_profile("default", derandomize=True, deadline=None, database=None)
settings.register_profile(
    "long", max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)

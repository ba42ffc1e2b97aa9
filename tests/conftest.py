import os
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Before anything imports matplotlib: pictures are written to files, never shown.
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests see what is compiled now, not what an earlier run has left.
os.environ.setdefault("PULLBACK_CACHE", "0")

# Their asserts then tell the values, as those in the test files do.
pytest.register_assert_rewrite("tests.oracles", "tests.conformance")

# The same examples in every run: a red test stays red until it is mended.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    max_examples=40,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# Before a release: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def rng(request):
    """Random numbers that depend on the test's own name and on nothing else."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))

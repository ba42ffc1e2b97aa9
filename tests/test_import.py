"""What `import pullback` loads, and what it must not."""

import subprocess
import sys
from importlib.metadata import version

import pullback as pb


def loaded(*modules):
    code = f"import pullback, sys; print([m for m in {modules!r} if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_heavy_packages_are_loaded_only_when_they_are_needed():
    assert loaded("scipy", "llvmlite", "matplotlib", "rich", "sklearn", "jax", "torch") == "[]"


def test_every_public_name_is_there_and_says_what_it_does():
    for name in pb.__all__:
        assert getattr(pb, name).__doc__, name


def test_the_version_is_the_packages():

    assert pb.__version__ == version("pullback")

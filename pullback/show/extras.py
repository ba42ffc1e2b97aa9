"""What pictures and reports need beyond the library itself, loaded when it is first used."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from pullback.core.errors import MissingExtra
from pullback.core.source import here

__all__ = ["check", "require"]


def require(module: str, extra: str = "show") -> Any:
    """Return a module of an optional package.

    Parameters
    ----------
    module : str
        Its full name, ``matplotlib.figure``.
    extra : str
        The extra of pullback that brings it.

    Raises
    ------
    MissingExtra
        If the package is not installed; the message says how to install it.

    Examples
    --------
    >>> require("json").dumps([1])
    '[1]'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and lacks something of its own
        raise _missing(package, extra) from error


def check(*packages: str, extra: str) -> None:
    """Raise MissingExtra if one of these packages is not installed; imports none of them."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise _missing(package, extra)


def _missing(package: str, extra: str) -> MissingExtra:
    return MissingExtra(
        f"{package} is not installed",
        where=here(),
        why=f"it comes with the extra {extra!r} of pullback",
        fix=f"pip install 'pullback[{extra}]'",
    )

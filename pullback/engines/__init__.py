"""Engines: what runs a Program."""

from pullback.core.passes import passes

from .evaluate import compile_program

passes.compile = compile_program

__all__ = ["compile_program"]

"""Transformations: functions from Program to Program, and their streaming twins."""

from pullback.core.passes import passes

from .custom import CustomRule
from .jvp import jvp_program
from .linearize import linearize_program, with_zeros
from .quiet import quiet
from .rules import Rule
from .transpose import transpose
from .vmap import batch_program

passes.linearize = linearize_program
passes.jvp = jvp_program
passes.transpose = transpose
passes.batch = batch_program
passes.rule = Rule
passes.custom_rule = CustomRule
passes.with_zeros = with_zeros
passes.quiet = quiet

__all__ = ["batch_program", "jvp_program", "linearize_program", "transpose"]

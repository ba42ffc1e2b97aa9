"""A Program that is written down in one piece, against the same bound equation by equation."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.body import ProgramRecorder
from pullback.core.program import Program
from pullback.transforms.simplify import simplify

ROW = np.array([1.0, -2.0, 3.0])


def _with_array(x):
    return np.sum(ROW * np.sin(x * ROW) + ROW**3)


def _with_numbers(x):
    return np.sum(np.float32(2.0) * x / 3 + np.where(x > 0, x, 0.5 * x))


def _with_loop(x):
    return np.sum(pb.fori_loop(0, 3, lambda i, y: np.sin(y) * i + ROW, x))


@pb.custom_vjp
def _squared(x):
    return x**2


_squared.defvjp(lambda x: (x**2, x), lambda x, u: (2.0 * x * u,))


def _of_hand(x):
    return np.sum(_squared(x) * x)


FUNCTIONS = [_with_array, _with_numbers, _with_loop, _of_hand]
TRANSFORMS = {
    "grad": pb.grad,
    "hessian": pb.hessian,
    "vmap": lambda f: lambda x: pb.vmap(pb.grad(f))(np.stack([x, x])),  # whose recorder is further in
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "jacfwd of grad": lambda f: pb.jacfwd(pb.grad(f)),
}


def _traced(f, x) -> Program:
    return simplify(pb.trace(f)(x))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_written_in_one_piece_it_is_the_same_program(f, transform, monkeypatch):
    written = []
    whole = ProgramRecorder.write_in

    def noted(self, program, operands):
        found = whole(self, program, operands)
        written.append(found is not None)
        return found

    derivative = TRANSFORMS[transform](f)
    monkeypatch.setattr(ProgramRecorder, "write_in", noted)
    at_once = _traced(derivative, np.ones(3))
    assert any(written) or transform == "vmap"
    monkeypatch.setattr(ProgramRecorder, "write_in", lambda *_: None)
    one_by_one = _traced(derivative, np.ones(3))
    assert at_once.structure == one_by_one.structure
    assert at_once.sources == one_by_one.sources


def test_what_no_tracer_takes_part_in_is_computed_while_tracing():
    body = pb.trace(lambda x: pb.jvp(lambda y: np.sin(ROW) * y, (x,), (np.ones(3),)))(np.ones(3))
    assert "sin" not in [eq.primitive.name for eq in body.equations]
    second = pb.trace(pb.grad(lambda x: np.sum(np.cos(np.full(3, 0.5)) * x)))(np.ones(3))
    assert "cos" not in [eq.primitive.name for eq in second.equations]

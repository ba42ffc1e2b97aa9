"""check_rules: one call that holds a primitive to every rule it states.

================  ===============================================================
`infer`           the type of what `evaluate` returns
`function`        `evaluate`, bit for bit
`jvp`             complex step (real and analytic), else differences
its linear rule   f(2v - 3w) = 2 f(v) - 3 f(w); ⟨u, f(v)⟩ = ⟨f_t(u), v⟩, also masked
`linear`          the same of the primitive itself, for each group
`batch`           a Python loop over lanes, for every subset of batched operands
second order      differences of the pulled cotangents; their own ⟨u, J v⟩ = ⟨Jᵀ u, v⟩
every Program     `core.check`, and its straight-line code against its replay
================  ===============================================================
"""

import itertools

import numpy as np

from pullback.core.body import ProgramRecorder
from pullback.core.check import check
from pullback.core.primitive import Cost, infer_types
from pullback.core.program import Equation, Program, Var
from pullback.core.replay import replay
from pullback.core.straightline import straightline
from pullback.core.types import PYTHON_SCALARS, type_of
from pullback.transforms.jvp import jvp_program
from pullback.transforms.linearize import linearize_program
from pullback.transforms.rules import rule_of
from pullback.transforms.transpose import transpose
from pullback.transforms.vmap import batch_program
from tests import oracles

LANES = 3


def check_rules(
    primitive,
    *operands,
    rng,
    moving=None,
    jvp_oracle="complex step",
    variants=(),
    lanes="permute",
    second_order=True,
    rtol=1e-12,
    **params,
):
    """Hold a primitive to all its rules on these operands.

    Parameters
    ----------
    primitive : Primitive
    *operands : arrays, NumPy scalars or Python scalars
        Well inside the domain, and away from kinks.
    rng : numpy.random.Generator
    moving : tuple of int, optional
        The operands that may move. Default: all that are floating or complex.
    jvp_oracle : {"complex step", "differences", None}
        Complex step is for what is complex-analytic; where an operand is complex, differences
        are taken anyhow. None: the jvp is not compared (only its transposes are).
    variants : tuple of {"float32", "0-d", "empty", "non-contiguous"}
        Other operands made of these, and held to the rules too. "0-d" and "empty" are for
        elementwise primitives.
    lanes : {"permute", "scale", "repeat"} or callable
        How other lanes are made for `batch`: elements permuted, and floats scaled a little;
        scaled only; as they are; or ``lanes(i, operand, k)``: operand i in lane k.
    second_order : bool
        Whether to check the derivative of the derivative.
    rtol : float
        For the jvp against complex step, and the transposes; in double precision.
    **params
        The primitive's own.
    """
    case = _Case(primitive, operands, params, rng, rtol)
    case.check_types()
    for group in primitive.linear(len(operands), params):
        case.check_linear(group)
    for subset in case.subsets_that_move(moving):
        case.check_derivative(subset, jvp_oracle, second_order and jvp_oracle is not None)
    case.check_batch(lanes)
    for variant in variants:
        changed = [VARIANTS[variant](x) for x in operands]
        check_rules(
            primitive, *changed, rng=rng, moving=moving, jvp_oracle=jvp_oracle, lanes=lanes, rtol=rtol,
            second_order=second_order and variant == "non-contiguous", **params,
        )  # fmt: skip


def _single(x):
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc":
        return x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)
    return x


def _strided(x):
    if not isinstance(x, np.ndarray) or not x.ndim:
        return x
    apart = np.empty((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    view = apart[..., ::2]
    view[...] = x
    return np.asfortranarray(view) if x.ndim > 1 else view


VARIANTS = {
    "float32": _single,
    "0-d": lambda x: np.ravel(x)[0] if isinstance(x, np.ndarray) else x,
    "empty": lambda x: np.ravel(x)[:0] if isinstance(x, np.ndarray) else x,
    "non-contiguous": _strided,
}


class _Case:
    """One primitive on one set of operands."""

    def __init__(self, primitive, operands, params, rng, rtol):
        self.primitive, self.operands, self.params, self.rng = primitive, operands, params, rng
        self.types = tuple(type_of(x) for x in operands)
        with np.errstate(all="ignore"):
            self.results = self.tuple(primitive.evaluate_weak(operands, params))
        dtypes = [t.dtype for t in (*self.types, *map(type_of, self.results)) if t.inexact and not t.weak]
        self.rtol = rtol * max([1.0, *(np.finfo(d).eps / np.finfo(np.float64).eps for d in dtypes)])

    def tuple(self, out):
        return tuple(out) if self.primitive.multiple else (out,)

    def evaluate(self, *operands):
        with np.errstate(all="ignore"):
            return self.tuple(self.primitive.evaluate(*operands, **self.params))

    # Types -------------------------------------------------------------------------------

    def check_types(self):
        inferred = infer_types(self.primitive, self.types, self.params)
        for t, y in zip(inferred, self.results, strict=True):
            found = type_of(y)
            assert t.strong is found.strong, f"{self.primitive}: inferred {t}, evaluated {found}"
            assert t.weak == found.weak or not self.primitive.keeps_weak, f"{self.primitive}: weakness of {t}, {found}"
        with np.errstate(all="ignore"):
            fast = self.tuple(self.primitive.function(self.params)(*self.operands))
        _assert_same(fast, self.results, "function and evaluate")
        cost = self.primitive.cost(self.types, inferred, **self.params)
        assert isinstance(cost, Cost)
        assert min(cost) >= 0
        program = self.program()
        check(program)
        _assert_same(_both_ways(program, self.operands), self.results, "a Program and evaluate")

    def program(self, first=()):
        """Return the Program of one equation, with the inputs in `first` behind all others."""
        xs = [Var(t) for t in self.types]
        ys = tuple(Var(t) for t in infer_types(self.primitive, self.types, self.params))
        inputs = [x for i, x in enumerate(xs) if i not in first] + [xs[i] for i in first]
        return Program(tuple(inputs), (Equation(self.primitive, tuple(xs), ys, self.params),), ys)

    # Linear rules --------------------------------------------------------------------------

    def check_linear(self, group):
        """The primitive is linear in the group together, and its transpose is one."""
        integers = tuple(i for i in group if not self.types[i].inexact)
        group = tuple(i for i in group if self.types[i].inexact)
        if not group or not all(type_of(y).inexact for y in self.results):
            return
        v, w = self.tangents(group), self.tangents(group)
        still = tuple(
            np.zeros_like(x)[()] if i in integers else x for i, x in enumerate(self.operands) if i not in group
        )
        program = self.program(group)
        f = lambda *vs: tuple(_both_ways(program, (*still, *vs)))  # noqa: E731
        _assert_linear(f, v, w, self.rtol)
        for masked in (False, True):
            self._check_transpose(program, len(still), still, v, masked)

    def _check_transpose(self, program, n_residuals, residuals, v, masked):
        present_choices = [(True,) * len(program.outputs)]
        if len(program.outputs) > 1:
            present_choices += [tuple(i == k for i in range(len(program.outputs))) for k in range(len(program.outputs))]
        for present in present_choices:
            outputs = tuple(x for x, p in zip(program.outputs, present, strict=True) if p)
            part = Program(program.inputs, program.equations, outputs)
            mask = tuple(masked for _ in present)
            pulled, nonzero, masks = transpose(program, n_residuals, present, mask)
            check(pulled)
            assert len(masks) == len(pulled.outputs) == sum(nonzero)
            for x, there, u in zip(
                program.inputs[n_residuals:], nonzero, _spaced(nonzero, pulled.out_types), strict=True
            ):
                assert not there or u is x.type.strong, f"{self.primitive}: cotangent {u} of an operand {x.type}"
            us = tuple(self.random(x.type) for x in outputs)

            def back(u, pulled=pulled, nonzero=nonzero):
                return _spaced(nonzero, _both_ways(pulled, (*residuals, *u)))

            oracles.assert_transposes(
                lambda *vs, part=part: tuple(_both_ways(part, (*residuals, *vs))),
                lambda u, back=back: back(u if isinstance(u, tuple) else (u,)),
                v, us, rtol=10 * self.rtol,
            )  # fmt: skip

    # Derivatives ----------------------------------------------------------------------------

    def subsets_that_move(self, moving):
        if moving is None:
            moving = [i for i, t in enumerate(self.types) if t.inexact]
        if not moving or not self.primitive.smooth:
            return []
        singles = [(i,) for i in moving]
        return singles if len(moving) == 1 else [*singles, tuple(moving)]

    def check_derivative(self, subset, oracle, second_order):
        bits = sum(1 << i for i in subset)
        rule = rule_of(self.primitive, bits, self.types, self.params)
        v, w = self.tangents(subset), self.tangents(subset)
        if rule is None:
            if oracle is not None:
                for d in self.differences(subset, v):
                    assert not np.any(d), f"{self.primitive}: operand {subset} moves the result, and has no derivative"
            return
        check(rule.forward)
        check(rule.linear)
        with np.errstate(all="ignore"):
            results, residuals = rule.run(*self.operands)
        results = results if len(self.results) != 1 or isinstance(results, tuple) else (results,)
        _assert_same(results, self.results, "the results of the linear rule and evaluate")
        _assert_same(_both_ways(rule.forward, self.operands), (*results, *residuals), "the forward Program's two runs")
        pushed = rule.push(residuals, v, True)
        _assert_same(pushed, _both_ways(rule.linear, (*residuals, *v)), "push and replay")
        moved_types = [t.strong for t, m in zip(rule.result_types, rule.moves, strict=True) if m]
        assert [type_of(y) for y in pushed] == moved_types, f"{self.primitive}: tangents of {moved_types}: {pushed}"
        if oracle is not None:
            self.compare(pushed, rule.moves, subset, v, oracle)
        _assert_linear(lambda *vs: tuple(rule.push(residuals, vs, True)), v, w, self.rtol)
        for masked in (False, True):
            self._check_transpose(rule.linear, rule.n_residuals, residuals, v, masked)
        self.check_whole_program(subset)
        if second_order:
            self.check_second_order(subset)

    def compare(self, pushed, moves, subset, v, oracle):
        complex_operands = any(np.iscomplexobj(x) for x in self.operands)
        if oracle == "complex step" and not complex_operands:
            expected, rtol = self.complex_step(subset, v), self.rtol
        else:
            expected, rtol = self.differences(subset, v), 1e-8
        rtol = max(rtol, self.rtol)
        for d, m in zip(expected, moves, strict=True):
            assert m or not np.any(d), f"{self.primitive}: a result moves, and has no derivative"
        for y, d in zip(pushed, [d for d, m in zip(expected, moves, strict=True) if m], strict=True):
            # Relative to the largest entry: sums over entries cancel. What is tiny is held in ulp elsewhere.
            np.testing.assert_allclose(y, d, rtol=rtol, atol=rtol * np.max(np.abs(d), initial=0.0))

    def complex_step(self, subset, v):
        x, along = self.double(subset), tuple(np.asarray(a, np.float64) for a in v)
        return self.tuple(oracles.complex_step(self.of(subset), x, along))

    def differences(self, subset, v):
        x = self.double(subset)
        return self.tuple(
            oracles.directional(self.of(subset), x, tuple(np.asarray(a, y.dtype) for a, y in zip(v, x, strict=True)))
        )

    def double(self, subset):
        wide = {"f": np.float64, "c": np.complex128}
        return tuple(np.asarray(self.operands[i], wide[self.types[i].dtype.kind]) for i in subset)

    def of(self, subset):
        """Return the function of the operands in `subset` alone, the others in double precision."""
        rest = [_double(x) for x in self.operands]

        def f(*xs):
            full = list(rest)
            for i, x in zip(subset, xs, strict=True):
                full[i] = x
            out = self.evaluate(*full)
            return out if self.primitive.multiple else out[0]

        return f

    def check_whole_program(self, subset):
        """`jvp` and `linearize` of a Program that is this one equation say what its rule says."""
        moving = tuple(i in subset for i in range(len(self.operands)))
        program = self.program()
        pushed, moves = jvp_program(program, moving)
        forward, linear, n, linear_moves, _ = linearize_program(program, moving)
        check(pushed), check(forward), check(linear)
        assert moves == linear_moves
        v = self.tangents(subset)
        direct = _both_ways(pushed, (*self.operands, *v))
        out = _both_ways(forward, self.operands)
        taped = _both_ways(linear, (*out[len(self.results) :], *v))
        assert len(out) - len(self.results) == n
        _assert_same(direct[: len(self.results)], self.results, "jvp's results and evaluate's")
        _assert_close(direct[len(self.results) :], taped, self.rtol, "jvp and linearize")

    def check_second_order(self, subset):
        """The derivative of the pulled cotangents, against differences of them and against its transpose."""
        moving = tuple(i in subset for i in range(len(self.operands)))
        forward, linear, n, _, _ = linearize_program(self.program(), moving)
        pulled = transpose(linear, n).program
        if not pulled.outputs:
            return
        with ProgramRecorder() as recorder:
            xs = [recorder.input(t) for t in forward.in_types]
            us = [recorder.input(x.type.strong) for x in linear.outputs]
            residuals = replay(forward, xs)[len(self.results) :]
            whole = recorder.finish(replay(pulled, (*residuals, *us)))
        check(whole)
        us = tuple(self.random(t) for t in linear.out_types)
        moving += (True,) * len(us)
        pushed, moves = jvp_program(whole, moving)
        second = linearize_program(whole, moving)
        check(pushed), check(second.forward), check(second.linear)
        v = (*self.tangents(subset), *(self.random(type_of(u)) for u in us))
        n_out = len(whole.outputs)
        primal = _both_ways(second.forward, (*self.operands, *us))
        tangents = _both_ways(pushed, (*self.operands, *us, *v))[n_out:]
        _assert_close(
            tangents, _both_ways(second.linear, (*primal[n_out:], *v)), 100 * self.rtol, "second order: jvp, linearize"
        )
        if self.types and all(t.dtype != np.float32 and t.dtype != np.complex64 for t in self.types):
            self._compare_second(whole, moves, subset, us, v, tangents)
        self._check_transpose(second.linear, second.n_residuals, tuple(primal[n_out:]), v, False)

    def _compare_second(self, whole, moves, subset, us, v, tangents):
        moved = (*self.double(subset), *us)

        def f(*values):
            full = list(self.operands)
            for i, x in zip(subset, values, strict=False):
                full[i] = x
            with np.errstate(all="ignore"):
                return tuple(replay(whole, (*full, *values[len(subset) :])))

        expected = oracles.directional(f, moved, tuple(np.asarray(a) for a in v))
        kept = [d for d, m in zip(expected, moves, strict=True) if m]
        for d, m in zip(expected, moves, strict=True):
            assert m or not np.any(d), f"{self.primitive}: second order: a cotangent moves, and has no derivative"
        scale = max((np.max(np.abs(d), initial=0.0) for d in kept), default=0.0)
        for y, d in zip(tangents, kept, strict=True):
            np.testing.assert_allclose(y, d, rtol=1e-7, atol=1e-7 * scale)

    # Batches ----------------------------------------------------------------------------------

    def check_batch(self, lanes):
        n = len(self.operands)
        subsets = [s for k in range(1, n + 1) for s in itertools.combinations(range(n), k)]
        if n > 4:
            subsets = [s for s in subsets if len(s) in (1, n)]
        stacks = [
            np.stack([np.asarray(self.lane(lanes, i, x, k)) for k in range(LANES)]) for i, x in enumerate(self.operands)
        ]
        for subset in subsets:
            batched = tuple(i in subset for i in range(n))
            per_lane = [[stacks[i][k] if i in subset else x for i, x in enumerate(self.operands)] for k in range(LANES)]
            types = tuple(type_of(x) for x in per_lane[0])
            program = _Case(self.primitive, tuple(per_lane[0]), self.params, self.rng, self.rtol).program()
            whole, _ = batch_program(program, LANES, batched, (True,) * len(program.outputs))
            check(whole)
            together = _both_ways(whole, [stacks[i] if i in subset else x for i, x in enumerate(self.operands)])
            for lane, expected in enumerate(self.evaluate(*xs) for xs in per_lane):
                _assert_close([y[lane] for y in together], expected, self.rtol, f"lane {lane}, batched {subset}")
            self._check_batched_pull(subset, batched, types, per_lane)

    def lane(self, lanes, i, x, k):
        if callable(lanes):
            return lanes(i, x, k)
        x = np.asarray(x)
        if lanes == "repeat":
            return x
        if lanes == "permute":
            x = self.rng.permutation(np.ravel(x)).reshape(x.shape)
        return (x * (1 - k / 64)).astype(x.dtype) if x.dtype.kind in "fc" else x

    def _check_batched_pull(self, subset, batched, types, per_lane):
        """The pull rule too, all that can move moving, over lanes of residuals and cotangents."""
        bits = sum(1 << i for i, t in enumerate(types) if t.inexact)
        rule = rule_of(self.primitive, bits, types, self.params) if bits and self.primitive.smooth else None
        if rule is None:
            return
        with np.errstate(all="ignore"):
            runs = [rule.run(*xs)[1] for xs in per_lane]
        us = [tuple(self.random(x.type) for x in rule.linear.outputs) for _ in range(LANES)]
        pulled = transpose(rule.linear, rule.n_residuals).program
        if not pulled.outputs:
            return
        lanes = [(*r, *u) for r, u in zip(runs, us, strict=True)]
        whole, _ = batch_program(pulled, LANES, (True,) * len(pulled.inputs), (True,) * len(pulled.outputs))
        check(whole)
        stacked = [np.stack([np.asarray(lane[j]) for lane in lanes]) for j in range(len(pulled.inputs))]
        together = _both_ways(whole, stacked)
        for k, lane in enumerate(lanes):
            _assert_close([u[k] for u in together], _both_ways(pulled, lane), self.rtol, f"pulled, lane {k}, {subset}")

    # Random numbers -----------------------------------------------------------------------------

    def random(self, type):
        x = self.rng.normal(size=type.shape)
        if type.dtype.kind == "c":
            x = x + 1j * self.rng.normal(size=type.shape)
        return np.asarray(x).astype(type.dtype)[()]

    def tangents(self, subset):
        return tuple(self.random(self.types[i].strong) for i in subset)


def _double(x):
    if type(x) in PYTHON_SCALARS or np.asarray(x).dtype.kind not in "fc":
        return x
    return np.asarray(x).astype(np.complex128 if np.iscomplexobj(x) else np.float64)[()]


def _spaced(there, values):
    """Return the values in the places that are there, None in the others."""
    given = iter(values)
    return tuple(next(given) if t else None for t in there)


def _both_ways(program, operands):
    """Return the outputs of a Program, having run it as straight-line code and replayed it."""
    with np.errstate(all="ignore"):
        straight, replayed = straightline(program)(*operands), replay(program, list(operands))
    _assert_same(straight, replayed, "straight-line code and replay")
    return straight


def _assert_same(actual, expected, what):
    for a, b in zip(actual, expected, strict=True):
        assert type_of(a).strong is type_of(b).strong, f"{what}: {type_of(a)} and {type_of(b)}"
        np.testing.assert_array_equal(a, b, err_msg=what)


def _assert_close(actual, expected, rtol, what):
    for a, b in zip(actual, expected, strict=True):
        assert type_of(a).strong is type_of(b).strong, f"{what}: {type_of(a)} and {type_of(b)}"
        if type_of(a).inexact:
            scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=what)
        else:
            np.testing.assert_array_equal(a, b, err_msg=what)


def _assert_linear(f, v, w, rtol):
    """F(2v - 3w) = 2 f(v) - 3 f(w), relative to the terms: their sum may cancel."""
    combined = f(*(2 * a - 3 * b for a, b in zip(v, w, strict=True)))
    for y, a, b in zip(combined, f(*v), f(*w), strict=True):
        scale = np.max(np.abs(a), initial=0.0) + np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(y, 2 * a - 3 * b, rtol=0, atol=100 * rtol * scale)

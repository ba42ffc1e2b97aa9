"""Bad input: each mistake gets its class, says what, where (the user's own line), why, and what to write instead."""

import ast
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy import array, asarray, full, zeros  # NumPy's own: nothing takes the place of these names

import pullback as pb
from pullback.core import errors
from pullback.core.errors import (
    ArgumentError,
    AxisSizeError,
    BakedDraw,
    CustomRuleError,
    DerivativeLost,
    DTypeError,
    GuardError,
    IntegerInput,
    LeakedTracer,
    LinearityError,
    MutationError,
    NaNError,
    NoAttribute,
    NonScalarOutput,
    NotTraceable,
    NotWritten,
    NoValue,
    PullbackError,
    ShapeError,
    TreeError,
)

X3, X4 = np.arange(3.0), np.arange(4.0)


def caught(run, kind, match):
    with pytest.raises(kind, match=match) as info:
        run()
    error = info.value
    assert error.why, "it does not say why"
    assert error.fix, "it does not say what to write instead"
    return error


def assert_says(run, kind, match, line, fix=""):
    """The error names the user's own line (this file, and its text), why, and a fix."""
    error = caught(run, kind, match)
    assert error.where.startswith("test_errors.py:"), error.where
    assert line in error.where
    assert fix in error.fix
    return error


# Functions with a mistake, each under the transformations that meet it.


def branches(x):
    if x > 0:
        return x
    return -x


def loops(x):
    while x < 10.0:
        x = x * 2.0
    return x


def floats(x):
    return x * float(x)


def sines(x):
    return math.sin(x)


def fills(x):
    out = zeros(3)
    for i in range(3):
        out[i] = 2.0 * x[i]
    return np.sum(out)


def fills_slice(x):
    out = zeros((2, 3))
    out[0] = x
    return np.sum(out)


def adds_in_place(x):
    out = zeros(3)
    out += x
    return np.sum(out)


def multiplies(x):
    a = np.sin(x)
    b = np.concatenate([x, x])
    return np.sum(a * b)


TRANSFORMED = {
    "grad": lambda f: pb.grad(f),
    "grad of grad": lambda f: pb.grad(lambda x: np.sum(pb.grad(f)(x))),
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (x,)),
    "vjp": lambda f: lambda x: pb.vjp(f, x),
    "hessian": lambda f: pb.hessian(f),
    "jit": lambda f: pb.jit(f),
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "vmap": lambda f: lambda x: pb.vmap(f)(np.stack([x, x])),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.stack([x, x])),
    "scan": lambda f: lambda x: pb.scan(lambda c, _: (c + f(c), None), x, None, length=2),
    "checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
    "trace": lambda f: pb.trace(f),
}
VALUES = ("grad", "grad of grad", "jvp", "vjp", "hessian", "checkpoint")
NO_VALUES = tuple(k for k in TRANSFORMED if k not in VALUES)


@pytest.mark.parametrize("how", TRANSFORMED)
def test_shapes_that_do_not_go_together_show_both_operands_and_their_lines(how):
    error = assert_says(
        lambda: TRANSFORMED[how](multiplies)(X3),
        ShapeError,
        r"multiply of shapes \(3,\) and \(6,\)",
        "return np.sum(a * b)",
        fix="a[:, None] * b",
    )
    assert isinstance(error, ValueError)
    assert "3 and 6 differ" in error.why
    a, b = error.operands
    assert a.startswith("float64[3] from test_errors.py:")
    assert "a = np.sin(x)" in a
    assert b.startswith("float64[6] from test_errors.py:")
    assert "b = np.concatenate([x, x])" in b
    assert f"\n  of:    {a}\n  and:   {b}\n" in str(error)


SHAPES = [
    pytest.param(lambda x: x @ np.ones((4, 3)), r"matmul of shapes \(3,\) and \(4, 3\)", id="matmul"),
    pytest.param(lambda x: np.dot(x, X4), r"dot of shapes \(3,\) and \(4,\)", id="dot"),
    pytest.param(lambda x: np.where(x > 0, x, X4), r"where of shapes \(3,\) and \(3,\) and \(4,\)", id="where"),
    pytest.param(lambda x: np.stack([x, x[:2]]), r"stack of shapes", id="stack"),
    pytest.param(lambda x: np.concatenate([x[None], np.ones((1, 4))]), r"concatenate", id="concatenate"),
    pytest.param(lambda x: np.linalg.solve(np.eye(4), x), r"solve of shapes \(4, 4\) and \(3,\)", id="solve"),
    pytest.param(lambda x: np.einsum("i,i->", x, X4), r"'i' have sizes 3 and 4", id="einsum"),
]


@pytest.mark.parametrize("how", ["grad", "jit", "vmap"])
@pytest.mark.parametrize(("f", "match"), SHAPES)
def test_other_functions_of_shapes_that_do_not_fit_show_their_operands(f, match, how):
    error = assert_says(lambda: TRANSFORMED[how](f)(X3), ShapeError, match, "pytest.param(lambda x:")
    assert len(error.operands) >= 2
    assert any("float64[3]" in text or "float64[1,3]" in text for text in error.operands)


def test_a_reshape_to_another_size_is_refused():
    assert_says(lambda: pb.grad(lambda x: x.reshape(2, 2))(X3), ShapeError, "size 3 into shape", "reshape(2, 2)", "-1")


@pytest.mark.parametrize("how", ["grad", "jit", "vmap", "jvp"])
@pytest.mark.parametrize("f", [lambda x: np.gcd(x, 3), lambda x: x & 3, lambda x: x << 1])
def test_dtypes_that_do_not_go_together_show_both(f, how):
    error = assert_says(lambda: TRANSFORMED[how](f)(X3), DTypeError, "of float64.3. and int64", "lambda x:", "astype")
    assert len(error.operands) == 2
    assert isinstance(error, TypeError)


# grad and its arguments


def test_grad_of_what_is_no_scalar():
    run = lambda: pb.grad(lambda x: x * 2)(X3)  # noqa: E731
    assert_says(run, NonScalarOutput, r"output is float64\[3\]", "pb.grad(lambda x: x * 2)(X3)", "pullback.jacobian")


@pytest.mark.parametrize(
    ("f", "match", "fix"),
    [
        (lambda x: (x, x), r"output is \(\*, \*\)", "has_aux=True"),
        (lambda x: None, "output is None", "has_aux=True"),
        (lambda x: np.argmax(x), r"int64\[\]", "return a float"),
        (lambda x: np.sum(x) * 1j, r"complex128\[\]", "holomorphic=True"),
    ],
)
def test_grad_of_other_outputs(f, match, fix):
    assert_says(lambda: pb.grad(f)(X3), NonScalarOutput, match, "pb.grad(f)(X3)", fix)


@pytest.mark.parametrize(
    ("transform", "args"),
    [
        (pb.grad, (3,)),
        (pb.value_and_grad, (3,)),
        (pb.jacobian, (3,)),
        (pb.hessian, (True,)),
    ],
)
def test_an_integer_input_asks_for_a_float(transform, args):
    error = assert_says(
        lambda: transform(lambda x: x * 2)(*args), IntegerInput, "argument 0", "(*args)", "pass a float"
    )
    assert isinstance(error, TypeError)


def test_an_integer_leaf_is_named_by_its_path():
    f = lambda w: np.sum(w["a"][1])  # noqa: E731
    error = assert_says(
        lambda: pb.grad(f)({"a": (1.0, np.arange(3))}),
        IntegerInput,
        r"argument 0\['a'\]\[1\], which is int64\[3\]",
        "f)",
    )
    assert "x.astype(np.float64)" in error.fix


def test_an_integer_among_argnums_is_named():
    assert_says(lambda: pb.grad(lambda x, n: x * n, (0, 1))(1.0, 2), IntegerInput, "argument 1", "(1.0, 2)")


@pytest.mark.parametrize("argnums", [2, -3, (0, 2), "x", 1.5, True])
def test_wrong_argnums(argnums):
    assert_says(
        lambda: pb.grad(lambda x, y: x * y, argnums)(1.0, 2.0),
        ArgumentError,
        "called with 2 positional arguments",
        "argnums)(1.0, 2.0)",
        "argnames='w'",
    )


def test_wrong_argnames():
    assert_says(
        lambda: pb.grad(lambda x, w: x * w, argnames="v")(1.0, w=2.0), ArgumentError, "1 keyword w", "w=2.0", "v=…"
    )


def test_what_is_no_function():
    for transform in (pb.grad, pb.value_and_grad, pb.jit, pb.vmap, pb.jacobian, pb.checkpoint):
        assert_says(lambda t=transform: t(3.0), ArgumentError, "of float, 3.0", "t(3.0)", "grad(f)(x)")


def test_has_aux_needs_a_pair():
    assert_says(
        lambda: pb.grad(lambda x: x, has_aux=True)(1.0), TreeError, "has_aux=True", "has_aux=True", "value, aux"
    )


def test_holomorphic_needs_complex_numbers():
    assert_says(lambda: pb.grad(lambda x: x, holomorphic=True)(1.0), DTypeError, "holomorphic", "(1.0)", "leave holo")


# Values that are not known


@pytest.mark.parametrize("how", ["jit", "grad of jit", "jit of grad", "trace"])
@pytest.mark.parametrize(("f", "line"), [(branches, "if x > 0:"), (loops, "while x < 10.0:")])
def test_a_truth_value_under_jit(f, line, how):
    error = assert_says(lambda: TRANSFORMED[how](f)(3.0), NoValue, r"bool\(\) of a Tracer of bool\[\]", line)
    for instead in ("np.where", "pullback.cond", "pullback.while_loop"):
        assert instead in error.fix
    assert line in error.operands[0]
    assert isinstance(error, TypeError)


def test_a_truth_value_under_vmap():
    for g in (pb.vmap(branches), pb.vmap(pb.grad(branches)), pb.grad(lambda x: np.sum(pb.vmap(branches)(x)))):
        assert_says(lambda g=g: g(X3), NoValue, r"bool\(\)", "if x > 0:", "np.where")


def test_a_truth_value_in_the_body_of_a_loop_of_what_is_outside():
    g = pb.grad(lambda y: pb.fori_loop(0, 3, lambda i, x: x if y > 0 else -x, 1.0))
    assert_says(lambda: g(2.0), NoValue, r"bool\(\)", "if y > 0 else", "pullback.cond")


@pytest.mark.parametrize(
    "transform", [pb.jit, lambda f: pb.grad(pb.jit(f)), lambda f: lambda x: pb.vmap(f)(np.ones(2))]
)
@pytest.mark.parametrize(("f", "line"), [(floats, "float(x)"), (sines, "math.sin(x)")])
def test_a_plain_number_of_what_has_no_value(f, line, transform):
    assert_says(lambda: transform(f)(3.0), NoValue, r"float\(\) of a Tracer of float64\[\]", line, "np.sin")


def test_integers_that_are_not_known():
    assert_says(lambda: pb.jit(lambda n: int(n))(3), NoValue, r"int\(\)", "int(n)", "static_argnums")
    assert_says(lambda: pb.jit(lambda n: sum(range(n)))(3), NoValue, "an integer", "range(n)", "pullback.fori_loop")
    assert_says(lambda: pb.jit(lambda n: [1, 2, 3][n])(1), NoValue, "an integer", "[n]", "static_argnums")
    assert_says(lambda: pb.jit(lambda n: X3[n])(1), NoValue, "array", "X3[n]", "static_argnums")
    assert_says(lambda: pb.jit(lambda n: np.zeros(n))(3), NoValue, "a shape", "np.zeros(n)", "static_argnums")


def test_iteration_over_what_has_no_axis():
    for g in (pb.jit(lambda x: list(x)), lambda x: pb.vmap(lambda y: list(y))(np.ones(2))):
        assert_says(lambda g=g: g(1.0), NoValue, "iteration over a 0-d array", "list(", "pullback.fori_loop")
    with pytest.raises(TypeError, match="iteration over a 0-d array"):
        pb.grad(lambda x: list(x))(1.0)


def test_a_shape_that_depends_on_values():
    assert_says(lambda: pb.jit(lambda x: x[x > 0])(X3), NoValue, "elements that a mask chooses", "x[x > 0]", "np.where")


@pytest.mark.parametrize("how", NO_VALUES)
def test_numpy_conversion_of_what_has_no_value(how):
    f = lambda x: np.sum(asarray(x))  # noqa: E731
    error = assert_says(lambda: TRANSFORMED[how](f)(X3), (NoValue, DerivativeLost), "array", "asarray(x)")
    assert "pullback.numpy" in error.fix


@pytest.mark.parametrize("how", NO_VALUES)
def test_assignment_into_a_plain_array_without_values(how):
    assert_says(
        lambda: TRANSFORMED[how](fills)(X3), (NoValue, DerivativeLost), "assigned into a plain", "out[i] = 2.0 * x[i]"
    )


# Plain numbers and arrays of what is differentiated


@pytest.mark.parametrize("how", VALUES)
@pytest.mark.parametrize(
    ("f", "match", "line"),
    [
        (lambda x: x[0] * float(x[1]), r"float\(\) of what is being differentiated", "float(x[1])"),
        (lambda x: math.sin(x[0]), r"float\(\)", "math.sin(x[0])"),
        (lambda x: x[0].item(), "item of what", "x[0].item()"),
        (lambda x: x.tolist()[0], "tolist of what", "x.tolist()"),
        (lambda x: int(x[0]), r"int\(\)", "int(x[0])"),
        (lambda x: complex(x[0]), r"complex\(\)", "complex(x[0])"),
    ],
)
def test_a_plain_number_loses_the_derivative(f, match, line, how):
    assert_says(lambda: TRANSFORMED[how](f)(X3), DerivativeLost, match, line, "pullback.stop_gradient(x)")


ARRAYS = [
    pytest.param(lambda x: array([x, x]), id="rows"),
    pytest.param(lambda x: array([x[0], x[1]]), id="scalars"),
    pytest.param(lambda x: array([x[0], 1.0]), id="scalar and number"),
    pytest.param(lambda x: array([[x[0], 1.0], [0.0, x[1]]]), id="nested"),
    pytest.param(lambda x: array([x, [1.0, 2.0, 3.0]]), id="row and list"),
    pytest.param(lambda x: array(x), id="array"),
    pytest.param(lambda x: asarray(x), id="asarray"),
    pytest.param(lambda x: asarray([x[0], x[1]]), id="asarray of list"),
    pytest.param(lambda x: array([x[0], x[1]], dtype=float), id="dtype"),
    pytest.param(lambda x: np.float64(x[0]), id="float64"),
    pytest.param(lambda x: np.sum([x[0], x[1]]), id="sum of list"),
    pytest.param(lambda x: np.dot([x[0], x[1]], [1.0, 2.0]), id="dot of list"),
    pytest.param(lambda x: np.sin([x[0], x[1]]), id="sin of list"),
    pytest.param(lambda x: np.ones(2) * [x[0], x[1]], id="array times list"),
    pytest.param(lambda x: full(3, x[0]), id="full"),
    pytest.param(lambda x: np.fromiter(x, float), id="fromiter"),
]


@pytest.mark.parametrize("how", VALUES)
@pytest.mark.parametrize("f", ARRAYS)
def test_a_plain_array_of_tracers_loses_the_derivative(f, how):
    """Whether NumPy hands our error on, or puts one of its own in its place."""
    error = assert_says(lambda: TRANSFORMED[how](f)(X3), DerivativeLost, "float64", "pytest.param(lambda x: ")
    assert "pullback.numpy" in error.fix or "pullback.stop_gradient" in error.fix


@pytest.mark.parametrize("how", VALUES)
@pytest.mark.parametrize(("f", "line"), [(fills, "out[i] = 2.0 * x[i]"), (fills_slice, "out[0] = x")])
def test_assignment_into_a_plain_array(f, line, how):
    assert_says(lambda: TRANSFORMED[how](f)(X3), DerivativeLost, "assigned into a plain NumPy array", line, "np.stack")


def test_ours_is_raised_where_numpy_puts_its_own_error_in_a_users_rule():
    @pb.custom_vjp
    def f(x):
        return np.sum(x)

    f.defvjp(lambda x: (np.sum(x), x), lambda x, u: (array([u * x[0], u * x[1], u * x[2]]),))
    assert_says(lambda: pb.hessian(f)(X3), (DerivativeLost, NoValue), "array", "array([u * x[0]")


@pytest.mark.parametrize("how", ["grad", "jit", "vmap", "jvp"])
def test_a_plain_array_is_not_added_to_in_place(how):
    assert_says(lambda: TRANSFORMED[how](adds_in_place)(X3), MutationError, r"a \+= b", "out += x", "a = a + b")


OUTSIDE = np.zeros(3)

MUTATIONS = [
    (lambda x: np.sin(x, out=OUTSIDE), "x = np.sin(...)"),
    (lambda x: np.copyto(OUTSIDE, x), "a = np.array(a)"),
    (lambda x: np.cumsum(x, out=OUTSIDE), "x = np.cumsum(...)"),
    (lambda x: x.resize(6), "np.resize(x, shape)"),
    (lambda x: setattr(x, "shape", (3, 1)), "x.reshape(shape)"),
    (lambda x: x.setflags(write=False), "x.copy()"),
]


@pytest.mark.parametrize(("f", "fix"), MUTATIONS)
def test_what_is_not_changed_in_place(f, fix):
    error = assert_says(lambda: pb.grad(f)(X3), MutationError, "plain array|Tracer", "(lambda x:", fix)
    assert isinstance(error, TypeError)


# Tracers that outlive their trace


def keep(kept):
    def f(x):
        kept.append(np.cos(x))
        return np.sum(x)

    return f


@pytest.mark.parametrize("how", TRANSFORMED)
@pytest.mark.parametrize(
    "use", [lambda x: x + 1.0, np.sin, np.asarray, lambda x: float(x[0]), lambda x: bool(np.any(x > 0)), list]
)
def test_a_leaked_tracer_says_where_it_was_made(how, use):
    kept = []
    TRANSFORMED[how](keep(kept))(X3)
    error = caught(lambda: use(kept[0]), LeakedTracer, "used after its trace had ended; it was made at test_errors.py:")
    assert "kept.append(np.cos(x))" in error.what
    assert error.where.startswith("test_errors.py:")
    assert "has_aux=True" in error.fix
    assert isinstance(error, RuntimeError)


def test_an_input_that_leaks_says_which_call_made_it():
    kept = []
    pb.grad(lambda x: kept.append(x) or x)(1.0)
    assert_says(lambda: kept[0] * 2.0, LeakedTracer, r"in `pb.grad\(lambda x: kept.append", "kept[0] * 2.0")


def test_a_tracer_is_not_pickled():
    error = caught(lambda: pb.grad(lambda x: pickle.dumps(x))(1.0), PullbackError, "pickling or copying a Tracer")
    assert "pickle.dumps(x)" in error.where


# Cotangents and tangents


def test_a_cotangent_of_the_wrong_tree():
    _, pullback = pb.vjp(lambda x: {"a": x, "b": x}, X3)
    assert_says(lambda: pullback({"a": X3}), TreeError, r"structure {'a': \*}, where {'a': \*, 'b': \*}", "pullback({")
    assert_says(lambda: pullback(None), TreeError, "structure None", "pullback(None)", "np.ones_like")


def test_a_cotangent_of_the_wrong_shape():
    _, pullback = pb.vjp(np.sin, X3)
    assert_says(lambda: pullback(X4), ShapeError, r"\(4,\) for the function's value of shape \(3,\)", "(X4)", "(3,)")


def test_a_cotangent_of_the_wrong_dtype():
    _, pullback = pb.vjp(np.sin, X3)
    assert_says(lambda: pullback(X3 * 1j), DTypeError, "complex128 for the function's value", "X3 * 1j", "astype")
    assert_says(lambda: pullback("text"), DTypeError, "that is str, 'text'", 'pullback("text")', "(3,)")


def test_tangents_are_held_to_the_same():
    assert_says(lambda: pb.jvp(np.sin, (X3,), (X3, X3)), TreeError, r"structure \(\*, \*\)", "(X3, X3)")
    assert_says(lambda: pb.jvp(np.sin, (X3,), (X4,)), ShapeError, r"tangent of shape \(4,\)", "(X4,)")
    assert_says(lambda: pb.jvp(np.sin, X3, X3), TreeError, "primals of jvp is a ndarray", "pb.jvp", "(x,), (v,)")
    assert_says(lambda: pb.hvp(np.sum, X3, X3), TreeError, "of hvp", "pb.hvp", "(x,), (v,)")
    assert_says(lambda: pb.linearize(np.sin, X3)[1](X4), ShapeError, "tangent of shape", "(X4)")


def test_what_is_not_linear_has_no_transpose():
    assert_says(lambda: pb.linear_transpose(lambda x: x * x, X3), LinearityError, "mul", "x * x", "pullback.vjp")


# vmap


def test_vmap_axes_of_different_sizes_name_arguments_axes_and_sizes():
    error = assert_says(
        lambda: pb.vmap(lambda d, y: d["a"] + y, in_axes=(0, 1))({"a": X3}, np.ones((2, 4))),
        AxisSizeError,
        r"argument \[0\]\['a'\]: axis 0 of size 3; argument \[1\]: axis 1 of size 4",
        "pb.vmap(",
        "in_axes=None",
    )
    assert isinstance(error, ValueError)
    assert_says(lambda: pb.vmap(lambda x, y: x)(X3, y=X4), AxisSizeError, r"keyword \['y'\]: axis 0 of size 4", "y=X4")


def test_vmap_over_an_axis_that_is_not_there():
    assert_says(lambda: pb.vmap(np.sin, in_axes=1)(X3), ArgumentError, "axis 1 of argument", "in_axes=1", "None")
    assert_says(lambda: pb.vmap(np.sin, in_axes=(0, 0))(X3), ArgumentError, "called with 1 argument", "(0, 0)", "None")
    assert_says(lambda: pb.vmap(np.sin, out_axes=2)(X3), ArgumentError, "out_axes=2", "out_axes=2", "out_axes=0")
    assert_says(lambda: pb.vmap(np.sin, in_axes=None)(X3), ArgumentError, "maps none", "in_axes=None", "axis_size=")
    assert_says(lambda: pb.vmap(np.sin, chunk_size=0), ArgumentError, "chunk_size=0", "chunk_size=0", "1 or more")


# Rules of the user's own


def custom(bwd, fwd=lambda x, y: (np.sum(x) * y, (x, y)), jvp=None):
    @pb.custom_vjp
    def f(x, y):
        return np.sum(x) * y

    f.defvjp(fwd, bwd)
    return f


def one_too_few(residuals, u):
    _, y = residuals
    return (u * y * np.ones(3),)


def wrong_shape(residuals, u):
    x, y = residuals
    return u * y, u * np.sum(x)


def no_tuple(residuals, u):
    return u


def wrong_tree(residuals, u):
    x, y = residuals
    return (u * x, u * x), u * y


def complex_for_real(residuals, u):
    x, _ = residuals
    return 1j * u * x, None


@pytest.mark.parametrize("how", ["grad", "grad of jit", "vmap of grad", "grad of grad", "hessian"])
@pytest.mark.parametrize(
    ("bwd", "match"),
    [
        (one_too_few, "returned a tuple of 1, for 2 arguments"),
        (wrong_shape, r"cotangent of shape \(\) for an input of shape \(3,\)"),
        (no_tuple, "for 2 arguments"),
        (wrong_tree, r"structure \(\*, \*\) for argument 0"),
        (complex_for_real, r"complex128\[3\] for an input of float64\[3\]"),
    ],
)
def test_a_backward_rule_that_is_wrong_is_shown_itself(bwd, match, how):
    f = custom(bwd)
    line = f"def {bwd.__name__}(residuals, u):"
    error = assert_says(lambda: TRANSFORMED[how](lambda x: f(x, 2.0))(X3), CustomRuleError, match, line)
    assert isinstance(error, TypeError)


def test_a_forward_rule_that_is_wrong_is_shown_itself():
    def no_pair(x, y):
        return np.sum(x) * y

    f = custom(one_too_few, no_pair)
    assert_says(lambda: pb.grad(f)(X3, 2.0), CustomRuleError, "forward rule of f", "def no_pair(x, y):", "residuals")


@pytest.mark.parametrize(
    ("out", "match"),
    [
        (lambda x, v: np.sum(x), "returned a"),
        (lambda x, v: (np.sum(x), v), r"tangent of shape \(3,\)"),
        (lambda x, v: (np.sum(x), (v, v)), "tangent of structure"),
        (lambda x, v: ((np.sum(x), 1.0), np.sum(v)), "tangent of structure"),
        (lambda x, v: ("text", np.sum(v)), "returned a str"),
    ],
)
def test_a_jvp_rule_that_is_wrong_is_shown_itself(out, match):
    @pb.custom_jvp
    def f(x):
        return np.sum(x)

    @f.defjvp
    def rule(primals, tangents):
        return out(primals[0], tangents[0])

    for g in (lambda: pb.grad(f)(X3), lambda: pb.jvp(f, (X3,), (X3,))):
        assert_says(g, CustomRuleError, match, "def rule(primals, tangents):")


class Product(pb.Function):
    @staticmethod
    def forward(ctx, x, y):
        return np.sum(x) * y

    @staticmethod
    def backward(ctx, u):
        return u


class Forgetful(pb.Function):
    @staticmethod
    def forward(ctx, x):
        return np.sum(x * x)

    @staticmethod
    def backward(ctx, u):
        (x,) = ctx.saved_tensors
        return 2.0 * u * x


class OneWay(pb.Function):
    @staticmethod
    def forward(ctx, x):
        return np.sum(x)


def test_a_function_with_a_wrong_backward():
    f = lambda x: Product.apply(x, 2.0)  # noqa: E731
    assert_says(lambda: pb.grad(f)(X3), CustomRuleError, "rule of Product", "def backward(ctx, u):", "return u1, u2")


def test_a_function_that_saved_nothing():
    error = assert_says(lambda: pb.grad(Forgetful.apply)(X3), CustomRuleError, "nothing was saved", "ctx.saved_tensors")
    assert error.fix == "call ctx.save_for_backward(...) in Forgetful.forward"


def test_a_function_without_backward():
    assert OneWay.apply(X3) == 3.0
    assert_says(
        lambda: pb.grad(OneWay.apply)(X3), CustomRuleError, "OneWay states no backward", "OneWay", "backward(ctx"
    )
    with pytest.raises(CustomRuleError, match="states no forward"):
        type("Empty", (pb.Function,), {}).apply(1.0)


def test_a_custom_function_without_rules():
    def without_rules(x):
        return x

    assert_says(lambda: pb.custom_vjp(without_rules)(1.0), CustomRuleError, "no derivative rule", "def without_rules")


# Functions and attributes that are not there

NEAREST = [
    (lambda x: np.emath.sqrt(x), "sqrt", "np.sqrt(x + 0j)"),
    (lambda x: np.save("none.npy", x), "numpy.save", "call it outside"),
    (lambda x: np.isnat(x), "numpy.isnat", "pullback.custom_vjp"),
    (lambda x: np.nextafter(x, 0.0), "numpy.nextafter", "pullback.stop_gradient"),
]


@pytest.mark.parametrize("how", ["grad", "jit", "vmap"])
@pytest.mark.parametrize(("f", "name", "fix"), NEAREST)
def test_a_function_without_rule_names_the_nearest_that_works(f, name, fix, how):
    error = assert_says(lambda: TRANSFORMED[how](f)(X3), NotTraceable, name + " of something", "(lambda x: np.", fix)
    assert isinstance(error, TypeError)


def test_a_function_of_scipy_is_named_as_such():
    special = pytest.importorskip("scipy.special")
    hidden = special._ufuncs._cosine_cdf
    assert_says(
        lambda: pb.grad(lambda x: hidden(x))(1.5), NotTraceable, r"scipy\.special\._ufuncs\._cosine_cdf", "hidden"
    )


def test_a_function_of_scipy_written_in_python_names_the_one_that_takes_tracers():
    special = pytest.importorskip("scipy.special")
    for how in (pb.grad, pb.jit):
        with pytest.raises((DerivativeLost, NoValue)) as caught:
            how(lambda x: special.logsumexp(x))(X3)
        assert "from pullback.scipy import special" in caught.value.fix
        assert "special.logsumexp(x)" in caught.value.where


def test_inside_scipy_the_line_is_the_users_and_the_error_is_ours():
    optimize = pytest.importorskip("scipy.optimize")
    linalg = pytest.importorskip("scipy.linalg")
    programs = (
        (lambda x: np.sum(linalg.solve(np.eye(3), x)), "linalg.solve(np.eye(3), x)"),
        (lambda x: optimize.brentq(lambda t: t - x[0], -9.0, 9.0), "optimize.brentq"),
        (lambda x: optimize.minimize(lambda t: (t[0] - x[0]) ** 2, [0.0]).x[0], "optimize.minimize"),
    )
    for f, line in programs:
        assert_says(lambda f=f: pb.grad(f)(X3), DerivativeLost, "float64", line)


def test_an_error_of_the_users_own_stays_theirs():
    def guarded(x):
        try:
            return math.sin(x)
        except TypeError as error:
            raise ValueError("a sequence of my own") from error

    with pytest.raises(ValueError, match="a sequence of my own"):
        pb.grad(guarded)(1.0)


def test_what_is_not_written_says_so():
    error = caught(lambda: pb.grad(lambda x: np.sum(np.sin(x, where=x > 0)))(X3), NotWritten, "where=")
    assert "np.where(condition, np.sin(x), default)" in error.fix
    assert isinstance(error, NotImplementedError)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("maen", "x.mean"),
        ("detach", "pullback.stop_gradient(x)"),
        ("numpy", "pullback.stop_gradient(x)"),
        ("requires_grad", "argnums"),
        ("newbyteorder", ""),
    ],
)
def test_an_attribute_that_is_not_there(name, fix):
    error = assert_says(
        lambda: pb.grad(lambda x: getattr(x, name))(X3), NoAttribute, repr(name), "getattr(x, name)", fix
    )
    assert isinstance(error, AttributeError)


def test_asking_whether_there_is_an_attribute_is_no_error():
    assert pb.grad(lambda x: x * 2.0 if not hasattr(x, "detach") and not hasattr(x, "__len2__") else x)(1.0) == 2.0


# Other


def test_an_unknown_convention_lists_the_known_ones():
    def choose(**choice):
        with pb.conventions(**choice):
            pass

    error = assert_says(lambda: choose(complx="jax"), ArgumentError, "no choice 'complx'", "pb.conventions")
    assert "'complex'" in error.why
    assert "strong_zeros" in error.fix
    assert_says(lambda: choose(complex="tensorflow"), ArgumentError, "tensorflow", "pb.conventions", "'pytorch'")


def test_a_program_run_on_values_that_take_another_path():
    program = pb.trace(branches, values=True)(1.0)
    error = assert_says(lambda: program(-1.0), GuardError, "was True; here it is False", "if x > 0:", "pullback.cond")
    assert isinstance(error, RuntimeError)


def test_a_program_run_on_other_types():
    program = pb.trace(np.sin)(X3)
    assert_says(lambda: program(X4), ArgumentError, r"float64\[4\]; the Program of sin takes float64\[3\]", "(X4)")
    assert_says(lambda: program((X3,)), TreeError, "structure", "program((X3,))")


def test_a_draw_that_would_be_baked_in():
    rng = np.random.default_rng(0)
    noisy = pb.jit(lambda x: x + rng.normal())
    error = assert_says(
        lambda: noisy(1.0), BakedDraw, "drawn from rng while jit traced", "noisy(1.0)", "random.normal(key"
    )
    assert isinstance(error, RuntimeError)


def test_a_nan_of_the_backward_pass():
    with pb.debug_nans():
        assert_says(lambda: pb.grad(lambda x: np.sqrt(x) ** 2)(0.0), NaNError, "sqrt made a NaN", "np.sqrt(x)", "where")


LOOPS = [
    (lambda: pb.cond(X3 > 0, np.sin, np.cos, 1.0), ShapeError, "predicate of cond"),
    (lambda: pb.cond(True, lambda: 1.0, lambda: X3), ShapeError, r"float64\[\] and float64\[3\]"),
    (lambda: pb.cond(True, lambda: 1.0, lambda: (1.0,)), TreeError, "branches of cond"),
    (lambda: pb.switch(1.0, [np.sin], 1.0), DTypeError, "index of switch"),
    (lambda: pb.switch(1, []), ArgumentError, "without branches"),
    (lambda: pb.fori_loop(0, 2.5, lambda i, x: x, 1.0), DTypeError, "upper of fori_loop"),
    (lambda: pb.while_loop(lambda x: x > X3, lambda x: x, 1.0), ShapeError, "condition of while_loop"),
    (lambda: pb.scan(lambda c, x: c, 0.0, X3), TreeError, "the body of scan, returned"),
    (lambda: pb.scan(lambda c, x: ((c, c), x), 0.0, X3), TreeError, "carry of scan"),
    (lambda: pb.scan(lambda c, x: (X3, x), 0.0, X3), ShapeError, "carry of scan"),
    (lambda: pb.scan(lambda c, x: (c, x), 0.0, (X3, X4)), AxisSizeError, "different sizes"),
    (lambda: pb.scan(lambda c, x: (c, x), 0.0), ArgumentError, "without length"),
]


@pytest.mark.parametrize(("run", "kind", "match"), LOOPS)
def test_loops_and_branches_that_do_not_fit(run, kind, match):
    assert_says(run, kind, match, "(lambda: pb.")


# The house


def test_an_error_pickles_with_all_that_it_says():
    error = caught(lambda: pb.grad(multiplies)(X3), ShapeError, "multiply")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is ShapeError
    assert str(again) == str(error)


ROOT = Path(pb.__file__).parent
KINDS = {name for name in errors.__all__ if name != "CheckError"}  # that one is for mistakes of ours


def _raised(path):
    """Yield (name of the class, line, the keywords given) for each error that a file makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield node.func.id, node.lineno, {k.arg for k in node.keywords}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_error_says_where_and_why_and_what_to_write(path):
    """The primitives leave the line to `bind`, which knows the operands too."""
    missing = []
    for kind, line, given in _raised(path):
        wanted = {"why", "fix"} if "primitives" in path.parts else {"where", "why", "fix"}
        lacks = wanted - given - ({"why"} if kind == "NotWritten" else set())
        if lacks:
            missing.append(f"{kind}, line {line}: {', '.join(sorted(lacks))}")
    assert not missing, "; ".join(missing)


def test_every_class_is_tested_and_documented():
    tests = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.rglob("test_*.py"))
    page = (ROOT.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    for name in sorted(KINDS):
        assert f"{name}, " in tests or f"{name})" in tests or f"errors.{name}" in tests, f"no test of {name}"
        assert f"## {name}\n" in page, f"no entry of {name} in docs/errors.md"

"""Shapes, joining, making, choosing and writing."""

import warnings

import numpy as np

from tests.numpy.surface import X, Z, table


def changed(change):
    """What is left of a copy when a function has changed it in place."""

    def f(x):
        y = x.copy()
        change(y, x)
        return y

    return f


def row_stack(x):
    """The old name of vstack, which NumPy warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.row_stack([x, x[0]])  # noqa: NPY201


INTEGERS = np.array([3, 1, 2])
BITS = np.array([[1, 0, 1, 1, 0, 0, 0, 1, 1, 1]] * 2, np.uint8)
ZEROS = np.array([0.0, 0.0, 1.5, 0.0, 2.5, 0.0])

CASES = [
    *table({
        "reshape": [lambda x: np.reshape(x, (2, 6)), lambda x: np.reshape(x, (2, -1), order="F")],
        "ravel": [np.ravel, lambda x: np.ravel(x, "F")], "transpose": lambda x: np.transpose(x, (1, 0)),
        "permute_dims": np.permute_dims, "moveaxis": lambda x: np.moveaxis(x, 0, 1),
        "swapaxes": lambda x: np.swapaxes(x, 0, 1), "rollaxis": lambda x: np.rollaxis(x, 1),
        "expand_dims": lambda x: np.expand_dims(x, (0, 2)), "squeeze": lambda x: np.squeeze(x[None, :, :1]),
        "broadcast_to": lambda x: np.broadcast_to(x[:1], (2, 3, 4)), "roll": lambda x: np.roll(x, (1, 2), (0, 1)),
        "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[0], 2.0), "flip": np.flip, "fliplr": np.fliplr,
        "atleast_1d": lambda x: np.atleast_1d(x[0, 0]), "atleast_2d": lambda x: np.atleast_2d(x[0]),
        "atleast_3d": np.atleast_3d, "flipud": np.flipud, "rot90": [lambda x, k=k: np.rot90(x, k) for k in (1, 2, 3)],
        "matrix_transpose": np.matrix_transpose, "linalg.matrix_transpose": np.linalg.matrix_transpose,
        "concatenate": [lambda x: np.concatenate([x, x[:1]]), lambda x: np.concatenate([x, 2 * x], axis=None)],
        "concat": lambda x: np.concat([x, x[:, :2]], 1), "stack": lambda x: np.stack([x, 3 * x], axis=1),
        "vstack": lambda x: np.vstack([x, x[0]]), "hstack": lambda x: np.hstack([x, x]),
        "dstack": lambda x: np.dstack([x, x]), "column_stack": lambda x: np.column_stack([x[:, 0], x]),
        "append": lambda x: np.append(x, x[:1], axis=0), "block": lambda x: np.block([[x, x], [x[:1], x[1:2]]]),
        "split": lambda x: np.split(x, 2, axis=1), "array_split": lambda x: np.array_split(x, 3, axis=1),
        "hsplit": lambda x: np.hsplit(x, [1, 3]), "vsplit": lambda x: np.vsplit(x, 3),
        "dsplit": lambda x: np.dsplit(x[None], 2), "tile": lambda x: np.tile(x, (2, 1, 2)),
        "repeat": [lambda x: np.repeat(x, 2, axis=1), lambda x: np.repeat(x, [1, 0, 2], axis=0)],
        "resize": lambda x: np.resize(x, (2, 7)), "insert": lambda x: np.insert(x, [1, 3], x[0, :2], axis=1),
        "delete": lambda x: np.delete(x, [0, 2], 1), "unstack": lambda x: np.unstack(x, axis=1),
        "pad": [lambda x, m=m: np.pad(x, ((1, 2), (0, 3)), m) for m in (
            "constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")]
        + [lambda x: np.pad(x, 5, "reflect", reflect_type="odd"), lambda x: np.pad(x, 1, "mean", stat_length=2)],
        "tril": lambda x: np.tril(x, -1), "triu": lambda x: np.triu(x, 1),
        "diag": [lambda x: np.diag(x[0], 1), np.diag],
        "diagflat": np.diagflat, "diagonal": lambda x: np.diagonal(x, 1), "linalg.diagonal": np.linalg.diagonal,
        "vander": [lambda x: np.vander(x[0], 3), lambda x: np.vander(x[0], increasing=True)],
        "array": lambda x: np.array([[x[0, 0], 1.0], [2, x[1, 1]]]), "asarray": lambda x: np.asarray([x[0], x[1]]),
        "asanyarray": lambda x: np.asanyarray(x) * 2, "ascontiguousarray": lambda x: np.ascontiguousarray(x.T),
        "asfortranarray": lambda x: np.asfortranarray(x) * 2, "copy": np.copy,
        "astype": lambda x: np.astype(x, np.complex128), "require": lambda x: np.require(x, float, ["C", "O"]),
        "full": lambda x: np.full((2, 4), x[0]), "full_like": lambda x: np.full_like(x, x[0, 0]),
        "linspace": [lambda x: np.linspace(x, 2.0, 4, axis=1), lambda x: np.linspace(0, x[0], 3, endpoint=False)],
        "logspace": [lambda x: np.logspace(x[0], 1.0, 3), lambda x: np.logspace(x[0], 1.0, 3, base=[2.0, 3, 4, 5])],
        "geomspace": [lambda x: np.geomspace(np.abs(x), 3.0, 4),
                      lambda x: np.geomspace(-np.abs(x), -2.0, 3, False, axis=1)],
        "meshgrid": [lambda x: np.meshgrid(x[0], x[1, :2]),
                     lambda x: np.meshgrid(x[0], x[1], indexing="ij", sparse=True)],
        "fromfunction": lambda x: np.fromfunction(lambda i, j: i * x[0] + j, (3, 4)),
        "r_": [lambda x: np.r_[x[0], 0.0, x[1, :2], 1:3, 2 * x[0, 0]], lambda x: np.r_["0,2", x[0], x[1]],
               lambda x: np.r_["0,3,1", x[0], x[1]]],
        "c_": [lambda x: np.c_[x[0], x[1]], lambda x: np.c_[x, x[:, :1]]],
        "mgrid": [lambda x: np.mgrid[0 : x[0, 0] : 5j, 1 : x[1, 1] : 3j], lambda x: np.mgrid[0 : x[0, 0] : 3j]],
        "ogrid": lambda x: np.ogrid[0 : x[0, 0] : 5j, 1:3],
        "ndenumerate": lambda x: np.stack([v * (i[0] + 1) for i, v in np.ndenumerate(x)]),
        "kaiser": lambda x: np.kaiser(5, x[0, 0]),
        "take": [lambda x: np.take(x, [0, 3, 3], axis=1), lambda x: np.take(x, [[-1, 14]], mode="wrap")],
        "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(x, 1), 1),
        "compress": lambda x: np.compress([True, False, True], x, axis=0),
        "extract": lambda x: np.extract(X > 0.5, x), "select": lambda x: np.select([x < 0, x > 1], [x, x**2], 7.0),
        "choose": [lambda x, m=m: np.choose([0, 5, 1, -1], [x[0], x[1]], mode=m) for m in ("clip", "wrap")]
        + [lambda x: np.choose([0, 1, 1, 0], [x[0], x[1]])],
        "ndarray.T": lambda x: x.T, "ndarray.mT": lambda x: x.mT, "ndarray.flat": lambda x: x.flat[3] * x.flat[:2],
        "ndarray.flatten": lambda x: x.flatten("F"), "ndarray.ravel": lambda x: x.ravel(),
        "ndarray.reshape": lambda x: x.reshape(6, 2), "ndarray.squeeze": lambda x: x[:1].squeeze(0),
        "ndarray.swapaxes": lambda x: x.swapaxes(0, 1), "ndarray.transpose": lambda x: x.transpose(1, 0),
        "ndarray.astype": lambda x: x.astype(complex), "ndarray.copy": lambda x: x.copy() * 2,
        "ndarray.diagonal": lambda x: x.diagonal(-1), "ndarray.repeat": lambda x: x.repeat(2, 0),
        "ndarray.take": lambda x: x.take([0, 2], axis=1), "ndarray.view": lambda x: x.view() * 2,
        "ndarray.compress": lambda x: x.compress([True, False, True, True], axis=1),
        "ndarray.to_device": lambda x: x.to_device("cpu") * 2,
        "row_stack": row_stack, "ndarray.clip": lambda x: x.clip(-1, 1),
        "copyto": changed(lambda y, x: np.copyto(y, x[0] ** 2, where=X > 0)),
        "put": changed(lambda y, x: np.put(y, [0, 5], x[0, :2] ** 2)),
        "place": changed(lambda y, x: np.place(y, X > 1, x[0])),
        "putmask": changed(lambda y, x: np.putmask(y, X > 1, x**2)),
        "put_along_axis": changed(lambda y, x: np.put_along_axis(y, np.array([[0], [2], [1]]), x[:, :1] ** 2, 1)),
        "fill_diagonal": changed(lambda y, x: np.fill_diagonal(y, x[0, 0] ** 2)),
        "ndarray.fill": changed(lambda y, x: y.fill(x[0, 0])), "ndarray.sort": changed(lambda y, x: y.sort(axis=0)),
        "ndarray.partition": changed(lambda y, x: y.partition((0, 1, 2, 3))),
        "ndarray.put": changed(lambda y, x: y.put([1, 2], x[0, 0] ** 2)),
    }, X),
    *table({"ndarray.real": lambda z: z.real, "ndarray.imag": lambda z: z.imag, "ndarray.conj": lambda z: z.conj(),
            "ndarray.conjugate": lambda z: z.conjugate() * z}, Z),
    *table({"asarray_chkfinite": lambda x: np.asarray_chkfinite(x), "trim_zeros": lambda x: np.trim_zeros(x[0])},
           X, known=True),
    *table({"trim_zeros": [np.trim_zeros, lambda x: np.trim_zeros(x, "b")]}, ZEROS, moves=False, known=True),
    # Without derivative:
    *table({
        "ix_": lambda i: np.ix_(i, i[:2]), "ravel_multi_index": lambda i: np.ravel_multi_index((i, i), (4, 5)),
        "unravel_index": [lambda i: np.unravel_index(i, (2, 2)), lambda i: np.unravel_index(i, (2, 2), order="F")],
    }, INTEGERS, moves=False),
    *table({"packbits": [np.packbits, lambda b: np.packbits(b, axis=1, bitorder="little")],
            "unpackbits": [np.unpackbits, lambda b: np.unpackbits(b, axis=1, count=-3)]}, BITS, moves=False),
    *table({"nonzero": lambda x: np.nonzero(x > 1), "argwhere": lambda x: np.argwhere(x > 1),
            "flatnonzero": lambda x: np.flatnonzero(x > 1), "ndarray.nonzero": lambda x: (x > 1).nonzero()},
           X, moves=False, known=True),
]  # fmt: skip

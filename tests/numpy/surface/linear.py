"""Products, linear algebra, Fourier transforms, polynomials."""

import numpy as np

from tests.numpy.surface import X, Z, table

A = np.array([[2.0, 0.3, -0.5], [0.4, 1.5, 0.2], [-0.1, 0.6, 3.1]])
B = A @ A.T + np.eye(3)
STACK = np.stack([B, 2 * A @ A.T + A.T + A])
EINSUM = [
    lambda x: np.einsum("ij", x), lambda x: np.einsum("ji", x), lambda x: np.einsum("ij->", x),
    lambda x: np.einsum("ii", x[:, :3]), lambda x: np.einsum("ii->i", x[:, :3]), lambda x: np.einsum("i,j", x[0], x[1]),
    lambda x: np.einsum("...j,j", x, x[0]), lambda x: np.einsum("...ij,...jk->...ik", np.stack([x, x]), x.T),
    lambda x: np.einsum("ij,kj,kl,l->i", x, x, x, x[0], optimize=True), lambda x: np.einsum(",ij", 3.0, x),
    lambda x: np.einsum("ij,ij->j", x, x, optimize=["einsum_path", (0, 1)]),
    lambda x: np.einsum(x, [0, 1], x, [2, 1], [0, 2]), lambda x: np.einsum(x, [..., 1], x, [..., 1], [...]),
]  # fmt: skip


def ordered(values):
    """Complex values in one order, whatever order LAPACK gives them."""
    return values[np.argsort(np.real(values) + np.pi * np.imag(values))]


def lower(a):
    """A matrix of which only the lower triangle is read, made symmetric."""
    return np.tril(a) + np.tril(a, -1).T


CASES = [
    *table({
        "dot": [lambda x: np.dot(x, x[0]), lambda x: np.dot(x, 2.0)], "matmul": lambda x: np.matmul(x, x.T),
        "linalg.matmul": lambda x: np.linalg.matmul(x, x.T), "inner": lambda x: np.inner(x, x[0]),
        "outer": lambda x: np.outer(x[0], x[1]), "linalg.outer": lambda x: np.linalg.outer(x[0], x[1]),
        "vdot": lambda x: np.vdot(x, x**2), "vecdot": lambda x: np.vecdot(x, x[0]),
        "linalg.vecdot": lambda x: np.linalg.vecdot(x, x[0]),
        "tensordot": lambda x: np.tensordot(x, x, [[0, 1], [0, 1]]),
        "linalg.tensordot": lambda x: np.linalg.tensordot(x, x.T, axes=1), "kron": lambda x: np.kron(x, x[:2]),
        "cross": lambda x: np.cross(x[:, :3], x[:, 1:]), "linalg.cross": lambda x: np.linalg.cross(x[:, :3], x[0, 1:]),
        "trace": lambda x: np.trace(x, 1), "linalg.trace": np.linalg.trace, "einsum": EINSUM,
        "matvec": lambda x: np.matvec(x, x[0]), "vecmat": lambda x: np.vecmat(x[0, :3], x),
        "convolve": [lambda x, m=m: np.convolve(x[0], x[1, :3], m) for m in ("full", "same", "valid")],
        "correlate": [lambda x, m=m: np.correlate(x[0], x[1, :3], m) for m in ("full", "same", "valid")],
        "linalg.norm": [lambda x, o=o: np.linalg.norm(x, o) for o in (
            None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)]
        + [lambda x, o=o: np.linalg.norm(x, o, axis=1) for o in (1, 3.5, np.inf, -np.inf, 0)],
        "linalg.vector_norm": lambda x: np.linalg.vector_norm(x, axis=0, ord=3),
        "linalg.matrix_norm": lambda x: np.linalg.matrix_norm(x, keepdims=True),
        "linalg.svd": [lambda x: np.linalg.svd(x, False)[1], lambda x: np.abs(np.linalg.svd(x, False)[0])],
        "linalg.svdvals": np.linalg.svdvals, "linalg.pinv": np.linalg.pinv,
        "linalg.qr": [lambda x: np.linalg.qr(x.T), lambda x: np.linalg.qr(x.T, "r")],
        "linalg.lstsq": lambda x: np.linalg.lstsq(x.T, x[0] ** 2)[0],
    }, X),
    *table({
        "linalg.solve": [lambda a: np.linalg.solve(a, a[..., 0:2] ** 2), lambda a: np.linalg.solve(a, a[0, ::-1] ** 2)],
        "linalg.inv": np.linalg.inv, "linalg.det": np.linalg.det, "linalg.slogdet": np.linalg.slogdet,
        "linalg.matrix_power": [lambda a: np.linalg.matrix_power(a, 3), lambda a: np.linalg.matrix_power(a, -2)],
        "linalg.cond": lambda a: np.linalg.cond(a, 1),
    }, STACK),
    *table({
        "linalg.multi_dot": lambda a: np.linalg.multi_dot([a, a, a[:, :2]]),
        "linalg.eigh": lambda a: np.linalg.eigh(lower(a))[0], "linalg.eigvalsh": lambda a: np.linalg.eigvalsh(lower(a)),
        "linalg.cond": lambda a: np.linalg.cond(a),
        "linalg.tensorsolve": lambda a: np.linalg.tensorsolve(np.reshape(a, (1, 3, 3)), a[:1]),
        "linalg.tensorinv": lambda a: np.linalg.tensorinv(np.reshape(a, (3, 3, 1)), ind=1),
        "poly": lambda a: np.poly(a),
    }, A),
    *table({
        "linalg.cholesky": [lambda a: np.linalg.cholesky(lower(a)), lambda a: np.linalg.cholesky(lower(a), upper=True)],
        "linalg.eig": lambda a: ordered(np.linalg.eig(a + 0j)[0]),
        "linalg.eigvals": lambda a: ordered(np.linalg.eigvals(a + 0j)),
        "roots": lambda a: ordered(np.roots(a[0] + 0j)),
    }, A, lanes=False),
    *table({
        "polyval": [lambda x: np.polyval(x[0], x), lambda x: np.polyval([2.0, -1.0, 0.5], x)],
        "polyadd": lambda x: np.polyadd(x[0], x[1, :2]), "polysub": lambda x: np.polysub(x[0, :2], x[1]),
        "polymul": lambda x: np.polymul(x[0], x[1, :3]), "polydiv": lambda x: np.polydiv(x[0], x[1, :3]),
        "polyder": lambda x: np.polyder(x[0], 2), "polyint": lambda x: np.polyint(x[0], 2, k=[1.0, 2.0]),
        "poly": lambda x: np.poly(x[0]),
        "polyfit": [lambda x: np.polyfit(x[0], x[1], 2),
                    lambda x: np.polyfit(np.arange(4.0), x[0], 1, w=x[1] ** 2 + 1, cov=True)],
    }, X),
    *table({"poly1d": lambda x: np.poly1d(x[0]).deriv()(x[1])}, X, known=True),
    *table({
        "fft.fft": [np.fft.fft, lambda x: np.fft.fft(x, 3, 0, "ortho")],
        "fft.ifft": lambda x: np.fft.ifft(x, norm="forward"), "fft.rfft": lambda x: np.fft.rfft(x, 6),
        "fft.ihfft": np.fft.ihfft, "fft.fft2": np.fft.fft2, "fft.ifft2": np.fft.ifft2, "fft.rfft2": np.fft.rfft2,
        "fft.fftn": lambda x: np.fft.fftn(x, (2, 5), (0, 1)), "fft.ifftn": np.fft.ifftn, "fft.rfftn": np.fft.rfftn,
        "fft.fftshift": np.fft.fftshift, "fft.ifftshift": lambda x: np.fft.ifftshift(x, axes=1),
    }, X),
    *table({
        "fft.fft": np.fft.fft, "fft.irfft": lambda z: np.fft.irfft(z, 5), "fft.hfft": np.fft.hfft,
        "fft.irfft2": np.fft.irfft2, "fft.irfftn": np.fft.irfftn, "matmul": lambda z: z @ z.T,
        "vdot": lambda z: np.vdot(z, z**2), "linalg.norm": np.linalg.norm, "linalg.pinv": np.linalg.pinv,
    }, Z),
    # Without derivative:
    *table({"linalg.matrix_rank": np.linalg.matrix_rank}, X, moves=False),
]  # fmt: skip

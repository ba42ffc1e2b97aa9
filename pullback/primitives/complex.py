"""Complex numbers: parts, conjugate, modulus, argument, sign.

Transposes are plain ones, without conjugation (JAX's convention): the pairing of a tangent
v and a cotangent u is Re Σ u v. So the transpose of `imag` is ``-1j * u``, and the gradient
of |z|² is 2 conj(z).
"""

from __future__ import annotations

import numpy as np

from pullback.core.conventions import current
from pullback.core.primitive import is_linear
from pullback.core.types import array_type, type_of

from .arithmetic import div, mask, mul, neg, smul
from .choice import select
from .comparison import less, not_equal
from .elementwise import Elementwise, elementwise_type

__all__ = ["absolute", "absolute_slope", "angle", "complex_", "conj", "imag", "real", "sign"]


class _Part(Elementwise):
    """Real or imaginary part: linear over the reals."""

    quiet = True

    def infer(self, x):
        return array_type(x.shape, _real_dtype(x.dtype))

    def linear(self, n_operands, params):
        return ((0,),)

    def function(self, params):
        return self.evaluate


class Real(_Part):
    """Real part; of a real array, the array."""

    name = "real"

    def evaluate(self, x):
        return np.real(np.asarray(x))[()]

    def transpose(self, u, x):
        return (u,)


real = Real()


class Imag(_Part):
    """Imaginary part; of a real array, zeros that do not move."""

    name = "imag"

    def evaluate(self, x):
        return np.imag(np.asarray(x))[()]

    def jvp(self, operands, result, tangents):
        return imag(tangents[0]) if _is_complex(tangents[0]) else None

    def transpose(self, u, x):
        return (mul(u, -1j),) if x.dtype.kind == "c" else (None,)


imag = Imag()


class Conj(Elementwise):
    """Complex conjugate; linear over the reals."""

    name, ufunc, quiet = "conj", np.conjugate, True

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x):
        return (conj(u),)


conj = Conj()


class MakeComplex(Elementwise):
    """``re + 1j * im``, also where one of them is infinite or NaN."""

    name, quiet = "complex_", True

    def infer(self, re, im):
        both = elementwise_type(np.true_divide, (re, im))
        return array_type(both.shape, np.result_type(both.dtype, np.complex64))

    def evaluate(self, re, im):
        of = self.infer(type_of(re), type_of(im))
        parts = np.empty((*of.shape, 2), _real_dtype(of.dtype))
        parts[..., 0], parts[..., 1] = re, im
        return parts.view(of.dtype)[..., 0]

    def function(self, params):
        return self.evaluate

    def linear(self, n_operands, params):
        return ((0, 1),)

    def jvp(self, operands, result, tangents):
        v, w = tangents
        if w is None:
            return v
        return mul(w, 1j) if v is None else complex_(v, w)

    def transpose(self, u, re, im):
        return real(u) if is_linear(re) else None, neg(imag(u)) if is_linear(im) else None


complex_ = MakeComplex()


class Sign(Elementwise):
    """-1, 0 or 1; of complex z, z / |z|, which moves: only the part of v across z turns it."""

    name, ufunc, quiet = "sign", np.sign, True

    def jvp(self, operands, result, tangents):
        (z,), (v,) = operands, tangents
        if not _is_complex(z):
            return None
        slope = mask(not_equal(z, 0), div(mul(result, 1j), absolute(z)))
        return mul(imag(mul(v, conj(result))), slope)


sign = Sign()


class Absolute(Elementwise):
    """Modulus. Its derivative at 0 is a convention, by default 0; a zero there is strong."""

    name, ufunc, keeps_weak = "absolute", np.absolute, True

    def jvp(self, operands, result, tangents):
        (x,), (v,) = operands, tangents
        if _is_complex(x):
            return real(smul(conj(sign(x)), v))
        return smul(absolute_slope(x), v)


absolute = Absolute()


def absolute_slope(x):
    """Return the derivative of the modulus of a real x: its sign, and at 0 what the conventions say."""
    if current().abs == "one":
        return select(less(x, 0), -1.0, 1.0)
    return sign(x)


class Angle(Elementwise):
    """Argument of complex z, in radians. The derivative is Im(v / z): at 0 there is none, and it is NaN."""

    name, flops = "angle", 20

    def infer(self, z):
        return elementwise_type(np.arctan, (array_type(z.shape, _real_dtype(z.dtype)),))

    def evaluate(self, z):
        z = np.asarray(z)
        return np.arctan2(np.imag(z), np.real(z))[()]

    def function(self, params):
        return self.evaluate

    def jvp(self, operands, result, tangents):
        (z,), (v,) = operands, tangents
        if not _is_complex(z):
            return None
        return imag(div(v, select(not_equal(z, 0), z, complex(np.nan, np.nan))))  # v / 0 would be infinite for some v


angle = Angle()


def _is_complex(x) -> bool:
    return type_of(x).dtype.kind == "c"


def _real_dtype(dtype: np.dtype) -> np.dtype:
    return np.real(np.empty(0, dtype)).dtype

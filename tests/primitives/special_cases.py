"""What the special functions are held to: for each argument with a derivative, mpmath's function and points.

A case is (name, argument, function of that argument for mpmath, the other arguments, points, first, second): the
last two are the relative errors allowed of the first and of the second derivative; None where there is none.
"""

import mpmath as mp
from mpmath import mpf

LN10, PI = mp.log(10), mp.pi
TINY = 1e-13


def normal(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


class Integral:
    """A function known by its derivative: what it is the integral of."""

    def __init__(self, density):
        self.density = density


def gamma_density(a, x):
    return mp.power(x, a - 1) * mp.exp(-x) / mp.gamma(a)


def beta_density(a, b, x):
    return mp.power(x, a - 1) * mp.power(1 - x, b - 1) / mp.beta(a, b)


def t_density(df, t):
    return mp.power(1 + t * t / df, -(df + 1) / mpf(2)) / mp.sqrt(df) / mp.beta(mpf(1) / 2, mpf(df) / 2)


def f_density(a, b, x):
    total = b + a * x
    return beta_density(mpf(a) / 2, mpf(b) / 2, a * x / total) * a * b / total**2


def boxcox(x, lam):
    return mp.log(x) if lam == 0 else (mp.power(x, lam) - 1) / lam


def inv_boxcox(y, lam):
    return mp.exp(y) if lam == 0 else mp.power(1 + lam * y, 1 / lam)


def huber(d, r):
    return r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2)


def pseudo_huber(d, r):
    return d * d * (mp.sqrt(1 + (r / d) ** 2) - 1)


def owens_t(h, a):
    return mp.quad(lambda x: mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x), [0, a]) / (2 * mp.pi)


def kolmogorov(x):
    z = mp.pi**2 / (8 * x * x)
    return 1 - mp.sqrt(2 * mp.pi) / x * mp.nsum(lambda k: mp.exp(-((2 * k - 1) ** 2) * z), [1, mp.inf])


def cases():
    """Yield all cases."""
    one = [  # of one argument
        ("gamma", mp.gamma, [1e-3, 0.5, 1.3, 2.5, 10.0, 50.5, -0.5, -3.7], TINY, TINY),
        ("gammaln", mp.loggamma, [1e-5, 0.5, 1.2, 3.0, 100.0, 1e6], TINY, TINY),
        ("loggamma", mp.loggamma, [1e-5, 0.5, 3.0, 100.0, 1e6], TINY, TINY),
        ("rgamma", mp.rgamma, [0.3, 1.0, 5.5, 30.0, 0.0, -1.0, -2.0, -3.3, -6.0], TINY, 4e-13),
        ("digamma", mp.digamma, [1e-5, 0.7, 3.0, 50.0, 1e8, -0.5, -3.3], TINY, TINY),
        ("psi", mp.digamma, [0.7, 3.0], TINY, TINY),
        ("logit", lambda x: mp.log(x / (1 - x)), [1e-300, 0.01, 0.3, 0.9, 1 - 1e-12], TINY, TINY),
        ("log_expit", lambda x: -mp.log1p(mp.exp(-x)), [-700.0, -30.0, -1.0, 0.5, 30.0, 700.0], TINY, TINY),
        ("expit", lambda x: 1 / (1 + mp.exp(-x)), [-700.0, -30.0, -1.0, 0.5, 30.0, 700.0], TINY, TINY),
        (
            "exprel",
            lambda x: mp.expm1(x) / x,
            [-700.0, -30.0, -1.5, -0.9, 1e-10, 1e-3, 0.99, 1.01, 20.0, 300.0],
            TINY,
            TINY,
        ),
        ("cosm1", lambda x: mp.cos(x) - 1, [1e-8, 0.3, 2.0], TINY, TINY),
        ("exp10", lambda x: mp.power(10, x), [-300.0, -1.0, 0.1, 30.0], TINY, TINY),
        ("exp2", lambda x: mp.power(2, x), [-300.0, -1.0, 0.1, 30.0], TINY, TINY),
        ("sindg", lambda x: mp.sin(x * mp.pi / 180), [1.0, 45.0, 89.0, 200.0], TINY, TINY),
        ("cosdg", lambda x: mp.cos(x * mp.pi / 180), [1.0, 45.0, 89.0, 200.0], TINY, TINY),
        ("tandg", lambda x: mp.tan(x * mp.pi / 180), [1.0, 45.0, 89.0, 200.0], TINY, TINY),
        ("cotdg", lambda x: mp.cot(x * mp.pi / 180), [1.0, 45.0, 89.0, 200.0], TINY, TINY),
        ("entr", lambda x: -x * mp.log(x), [1e-300, 1e-5, 0.2, 0.5, 3.0, 1e10], TINY, TINY),
        (
            "erfcx",
            lambda x: mp.exp(x * x) * mp.erfc(x),
            [-5.0, -1.0, 0.0, 0.5, 2.0, 4.0, 6.4, 6.6, 10.0, 1e3, 1e8],
            2e-13,
            3e-11,
        ),
        ("erfi", mp.erfi, [0.0, 0.5, -2.0, 10.0, 26.0], TINY, TINY),
        ("erf", Integral(lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)), [0.0, 0.5, -2.0, 10.0, 26.0], TINY, TINY),
        ("erfc", Integral(lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)), [0.0, 0.5, -2.0, 10.0, 26.0], TINY, TINY),
        (
            "dawsn",
            lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
            [0.0, 0.3, -0.8, 2.0, 5.0, 6.4, 6.6, -10.0, 1e4],
            3e-13,
            3e-11,
        ),
        ("ndtr", Integral(normal), [-37.0, -20.3, -1.1, 0.3, 5.7, 37.1], TINY, TINY),
        ("log_ndtr", lambda x: mp.log(ndtr(x)), [-1e5, -300.0, -37.0, -9.3, -1.1, 0.3, 5.7, 37.1], TINY, 3e-10),
        ("j0", lambda x: mp.besselj(0, x), [0.0, 0.3, 2.0, 10.0, 100.0], TINY, TINY),
        ("j1", lambda x: mp.besselj(1, x), [0.0, 0.3, 2.0, 10.0, 100.0], TINY, TINY),
        ("y0", lambda x: mp.bessely(0, x), [1e-3, 0.3, 2.0, 10.0, 100.0], 1e-12, 1e-12),
        ("y1", lambda x: mp.bessely(1, x), [1e-3, 0.3, 2.0, 10.0, 100.0], 1e-12, 1e-12),
        ("i0", lambda x: mp.besseli(0, x), [0.0, 0.3, -2.0, 10.0, 300.0], TINY, TINY),
        ("i1", lambda x: mp.besseli(1, x), [0.0, 0.3, -2.0, 10.0, 300.0], TINY, TINY),
        ("k0", lambda x: mp.besselk(0, x), [1e-3, 0.3, 2.0, 10.0, 300.0], TINY, TINY),
        ("k1", lambda x: mp.besselk(1, x), [1e-3, 0.3, 2.0, 10.0, 300.0], TINY, TINY),
        ("i0e", lambda x: mp.besseli(0, x) * mp.exp(-x), [0.3, 2.0, 10.0, 29.0, 31.0, 1e4], 2e-13, 1e-11),
        ("i1e", lambda x: mp.besseli(1, x) * mp.exp(-x), [0.3, 2.0, 10.0, 29.0, 31.0, 1e4], 2e-13, 1e-11),
        ("k0e", lambda x: mp.besselk(0, x) * mp.exp(x), [0.3, 2.0, 10.0, 29.0, 31.0, 1e4], 2e-13, 1e-11),
        ("k1e", lambda x: mp.besselk(1, x) * mp.exp(x), [0.3, 2.0, 10.0, 29.0, 31.0, 1e4], 2e-13, 1e-11),
        ("ber", lambda x: mp.ber(0, x), [0.3, 2.0, 8.0], 1e-11, 1e-11),
        ("bei", lambda x: mp.bei(0, x), [0.3, 2.0, 8.0], 1e-11, 1e-11),
        ("ker", lambda x: mp.ker(0, x), [0.3, 2.0, 8.0], 1e-10, 1e-10),
        ("kei", lambda x: mp.kei(0, x), [0.3, 2.0, 8.0], 1e-10, 1e-10),
        ("ellipk", mp.ellipk, [-1e6, -10.0, -0.5, 0.0, 1e-9, 0.3, 0.9, 1 - 1e-9], TINY, 1e-11),
        ("ellipe", mp.ellipe, [-1e6, -10.0, -0.5, 0.0, 1e-9, 0.3, 0.9, 1 - 1e-9], TINY, 1e-11),
        ("ellipkm1", lambda p: mp.ellipk(1 - p), [1e-9, 0.1, 0.99, 1.0, 5.0], TINY, 1e-11),
        ("exp1", mp.e1, [1e-3, 0.5, 3.0, 50.0, 700.0], TINY, TINY),
        ("expi", mp.ei, [1e-3, 0.5, 3.0, 50.0, 700.0, -2.0], TINY, TINY),
        ("spence", lambda z: mp.polylog(2, 1 - z), [1e-5, 0.5, 0.95, 1.0, 1.0001, 1.5, 1.99], TINY, TINY),
        ("wrightomega", lambda z: mp.lambertw(mp.exp(z)), [-30.0, -2.0, 0.0, 3.0, 100.0], TINY, TINY),
        ("kolmogorov", kolmogorov, [0.1, 0.4, 0.9, 1.1, 2.0, 5.0], 1e-12, 1e-11),
        ("itstruve0", lambda x: mp.quad(lambda t: mp.struveh(0, t), [0, x]), [0.5, 3.0], 1e-12, 1e-12),
        ("itmodstruve0", lambda x: mp.quad(lambda t: mp.struvel(0, t), [0, x]), [0.5, 3.0], 1e-12, 1e-12),
    ]
    for name, function, points, first, second in one:
        yield name, 0, function, (), points, first, second
    for family in (_of_gamma, _elementary, _bessel, _elliptic, _polynomials, _distributions):
        yield from family()


def _of_gamma():
    """Gamma and beta functions. From here on there are others, which are held; they are in order."""
    yield "zeta", 1, lambda q: mp.zeta(3, q), (3.0,), [1e-3, 0.5, 4.0, 100.0], TINY, TINY
    for m in (1e-7, 1.0, 20.0):
        yield "poch", 0, lambda z, m=m: mp.rf(z, m), (m,), [0.3, 5.0, 1e3, 1e6], 1e-12, 1e-9
    yield "poch", 1, lambda m: mp.rf(mpf(2.5), m), (2.5,), [0.3, 5.0, 20.0], TINY, TINY
    for b in (1e-3, 1.0, 30.0):
        yield "beta", 0, lambda a, b=b: mp.beta(a, b), (b,), [1e-3, 0.5, 20.0, 1e3], 2e-12, 1e-11
        yield "betaln", 0, lambda a, b=b: mp.log(mp.beta(a, b)), (b,), [1e-3, 0.5, 20.0, 1e6], 3e-13, 1e-12
        yield "betaln", 1, lambda a, b=b: mp.log(mp.beta(b, a)), (b,), [1e-3, 0.5, 20.0, 1e6], 3e-13, 1e-12
    for x in (1e-5, 0.3, 1.4, 1.6, 8.0, 60.0):
        lower = lambda a, x=x: mp.gammainc(a, 0, mpf(x), regularized=True)  # noqa: E731
        yield "gammainc", 0, lower, (x,), [0.01, 0.5, 1.1, 7.0, 50.0], 1e-12, None
    for x, b in ((0.01, 0.3), (0.3, 4.0), (0.9, 4.0), (0.7, 30.0)):
        lower = lambda a, x=x, b=b: mp.betainc(a, b, 0, mpf(x), regularized=True)  # noqa: E731
        upper = lambda b, x=x, a=b: mp.betainc(a, b, 0, mpf(x), regularized=True)  # noqa: E731
        yield "betainc", 0, lower, (b, x), [0.05, 0.5, 2.0, 40.0], 1e-12, None
        yield "betainc", 1, upper, (b, x), [0.05, 0.5, 2.0, 40.0], 1e-12, None
    yield "binom", 0, lambda n: mp.binomial(n, 3), (3.0,), [4.5, 50.0, 1e4], 1e-12, 1e-11
    yield "binom", 1, lambda k: mp.binomial(20, k), (20.0,), [0.5, 3.0, 9.9, 15.0], 1e-12, 1e-11
    shapes = {
        0.3: [1e-8, 0.1, 2.0, 50.0, 600.0],
        5.0: [1e-8, 0.1, 2.0, 50.0, 600.0],
        9.9: [1.0, 30.0],
        10.5: [1e-3, 1.0, 30.0],
        1e4: [5e3, 9.9e3, 1e4 + 1, 1.2e4],
    }
    for a, points in shapes.items():
        yield "gammainc", 1, Integral(lambda x, a=a: gamma_density(a, x)), (a,), points, 4e-13, 4e-12
        yield "gammaincc", 1, Integral(lambda x, a=a: -gamma_density(a, x)), (a,), points, 4e-13, 4e-12
    for a, b in ((0.3, 0.4), (2.0, 5.5), (60.0, 45.0), (0.2, 100.0), (500.0, 3.0)):
        yield (
            "betainc",
            2,
            Integral(lambda x, a=a, b=b: beta_density(a, b, x)),
            (a, b),
            [1e-6, 0.1, 0.55, 0.9, 0.999],
            5e-13,
            5e-12,
        )


def _elementary():
    """Logarithms, losses, transformations; error functions."""
    yield "xlogy", 0, lambda x: x * mp.log(3), (3.0,), [0.0, 1.0], TINY, None
    yield "xlogy", 1, lambda y: 2 * mp.log(y), (2.0,), [1e-300, 1.0, 50.0], TINY, TINY
    yield "xlog1py", 1, lambda y: 2 * mp.log1p(y), (2.0,), [-0.99, 1e-12, 50.0], TINY, TINY
    yield "rel_entr", 0, lambda x: x * mp.log(x / 2), (2.0,), [1e-300, 0.3, 1.999, 5.0], TINY, TINY
    yield "rel_entr", 1, lambda y: 2 * mp.log(2 / y), (2.0,), [1e-3, 0.3, 1.999, 5.0], TINY, TINY
    yield "kl_div", 0, lambda x: x * mp.log(x / 2) - x + 2, (2.0,), [1e-10, 0.3, 2.0 - 1e-9, 5.0], TINY, TINY
    yield "kl_div", 1, lambda y: 2 * mp.log(2 / y) - 2 + y, (2.0,), [1e-3, 0.3, 2.0 + 1e-9, 5.0], TINY, TINY
    yield "huber", 1, lambda r: huber(1.5, r), (1.5,), [-4.0, -1.0, 0.3, 1.6, 9.0], TINY, None
    yield "huber", 0, lambda d: huber(d, 2.0), (2.0,), [0.5, 1.9, 3.0], TINY, None
    yield "pseudo_huber", 1, lambda r: pseudo_huber(1.5, r), (1.5,), [-1e5, -1.0, 1e-9, 1.6, 9.0], TINY, TINY
    yield "pseudo_huber", 0, lambda d: pseudo_huber(d, mpf(2.0)), (2.0,), [1e-3, 0.5, 3.0, 1e6], TINY, 1e-12
    for lam in (-1.5, 0.0, 1e-9, 0.3, 2.0):
        yield "boxcox", 0, lambda x, l=lam: boxcox(x, l), (lam,), [1e-3, 0.5, 1.0, 50.0], 2e-13, 2e-13
        yield "inv_boxcox", 0, lambda y, l=lam: inv_boxcox(y, l), (lam,), [-0.3, 0.0, 0.5], TINY, TINY
        yield "boxcox1p", 0, lambda x, l=lam: boxcox(1 + x, l), (lam,), [-0.999, 1e-10, 50.0], 2e-13, 2e-13
        yield "inv_boxcox1p", 0, lambda y, l=lam: inv_boxcox(y, l), (lam,), [-0.3, 0.0, 0.5], TINY, TINY
    for x in (1e-3, 0.9, 1.0001, 30.0):
        yield "boxcox", 1, lambda l, x=x: boxcox(mpf(x), l), (x,), [-2.0, -1e-3, 1e-8, 0.3, 3.0], 3e-13, 3e-13
        yield "boxcox1p", 1, lambda l, x=x: boxcox(1 + mpf(x), l), (x,), [-2.0, -1e-3, 1e-8, 0.3, 3.0], 3e-13, 3e-13
    for y in (0.01, 0.4, 3.0):
        yield "inv_boxcox", 1, lambda l, y=y: inv_boxcox(mpf(y), l), (y,), [-0.2, 1e-8, 0.3, 2.0], 3e-13, 1e-12
        yield "inv_boxcox1p", 1, lambda l, y=y: inv_boxcox(mpf(y), l), (y,), [-0.2, 1e-8, 0.3, 2.0], 3e-13, 1e-12
    yield "powm1", 0, lambda x: mp.power(x, 1.5), (1.5,), [1e-3, 1.0, 7.0], TINY, TINY
    yield "powm1", 1, lambda y: mp.power(3, y), (3.0,), [-2.0, 1e-9, 2.0], TINY, TINY
    for a in (0.3, 2.0):
        yield "owens_t", 0, lambda h, a=a: owens_t(h, mpf(a)), (a,), [-3.0, 0.1, 1.0, 7.0], 1e-12, 1e-12
    yield "owens_t", 1, lambda a: owens_t(mpf(1.3), a), (1.3,), [-3.0, 0.0, 0.7, 4.0], TINY, TINY
    for n in (0, 1, 4):
        yield "expn", 1, lambda x, n=n: mp.expint(n, x), (n,), [0.1, 1.0, 20.0, 300.0], TINY, TINY
    yield "lambertw", 0, lambda z: mp.lambertw(z), ((), 0, 1e-8), [-0.3, 1e-5, 0.0, 1.0, 1e10, 1e200], TINY, 1e-12


def _bessel():
    """Bessel functions."""
    for v in (0.0, 1.0, 2.5, 10.0):
        yield "jv", 1, lambda z, v=v: mp.besselj(v, z), (v,), [0.3, 2.0, 30.0], 3e-12, 3e-11
        yield "yv", 1, lambda z, v=v: mp.bessely(v, z), (v,), [0.3, 2.0, 30.0], 3e-12, 3e-11
        yield "iv", 1, lambda z, v=v: mp.besseli(v, z), (v,), [0.3, 2.0, 30.0], 1e-12, 1e-12
        yield "kv", 1, lambda z, v=v: mp.besselk(v, z), (v,), [0.3, 2.0, 30.0], 1e-12, 1e-12
        yield "ive", 1, lambda z, v=v: mp.besseli(v, z) * mp.exp(-z), (v,), [0.3, 2.0, 30.0, 500.0, 1e5], 2e-12, 3e-10
        yield "kve", 1, lambda z, v=v: mp.besselk(v, z) * mp.exp(z), (v,), [0.3, 2.0, 30.0, 500.0, 1e5], 2e-12, 3e-10
        yield "struve", 1, lambda z, v=v: mp.struveh(v, z), (v,), [0.3, 2.0, 30.0], 1e-11, 1e-10
        yield "modstruve", 1, lambda z, v=v: mp.struvel(v, z), (v,), [0.3, 2.0, 30.0], 1e-11, 1e-10
    for n in (0, 1, 3):
        half = mpf(n) + mpf(1) / 2
        yield (
            "spherical_jn",
            1,
            lambda z, h=half: mp.sqrt(mp.pi / 2 / z) * mp.besselj(h, z),
            (n,),
            [0.3, 2.0, 30.0],
            1e-12,
            1e-12,
        )
        yield (
            "spherical_yn",
            1,
            lambda z, h=half: mp.sqrt(mp.pi / 2 / z) * mp.bessely(h, z),
            (n,),
            [0.3, 2.0, 30.0],
            1e-12,
            1e-12,
        )
        yield (
            "spherical_in",
            1,
            lambda z, h=half: mp.sqrt(mp.pi / 2 / z) * mp.besseli(h, z),
            (n,),
            [0.3, 2.0, 30.0],
            1e-12,
            1e-12,
        )
        yield (
            "spherical_kn",
            1,
            lambda z, h=half: mp.sqrt(mp.pi / 2 / z) * mp.besselk(h, z),
            (n,),
            [0.3, 2.0, 30.0],
            1e-12,
            1e-12,
        )


def _elliptic():
    """Elliptic integrals, hypergeometric functions."""
    for m in (-3.0, 0.0, 0.6, 0.999):
        yield "ellipkinc", 0, lambda p, m=m: mp.ellipf(p, m), (m,), [1e-5, 0.5, 1.5, 5.0], 1e-11, 1e-10
        yield "ellipeinc", 0, lambda p, m=m: mp.ellipe(p, m), (m,), [1e-5, 0.5, 1.5, 5.0], 1e-11, 1e-10
    for phi in (1e-3, 0.5, 1.5, 5.0):
        yield "ellipkinc", 1, lambda m, p=phi: mp.ellipf(mpf(p), m), (phi,), [-3.0, 0.0, 1e-8, 0.6, 0.99], 1e-12, 1e-9
        yield "ellipeinc", 1, lambda m, p=phi: mp.ellipe(mpf(p), m), (phi,), [-3.0, 0.0, 1e-8, 0.6, 0.99], 1e-12, 1e-9
    for y in (1e-3, 1.0, 1.2, 40.0):
        yield "agm", 0, lambda a, y=y: mp.agm(a, y), (y,), [1e-5, 0.9, 1.0, 30.0], TINY, 1e-10
        yield "elliprc", 0, lambda x, y=y: mp.elliprc(x, y), (y,), [1e-5, 0.9, 1.0, 30.0], 1e-12, 1e-10
        yield "elliprc", 1, lambda x, y=y: mp.elliprc(y, x), (y,), [1e-5, 0.9, 1.0, 30.0], 1e-12, 1e-10
        yield "elliprf", 1, lambda x, y=y: mp.elliprf(1.1, x, y), (1.1, y), [1e-5, 0.9, 1.0, 30.0], 1e-12, 1e-9
        yield "elliprg", 1, lambda x, y=y: mp.elliprg(1.1, x, y), (1.1, y), [1e-5, 0.9, 1.0, 30.0], 1e-12, 1e-9
        for at in (0, 1, 2):
            yield (
                "elliprd",
                at,
                lambda x, y=y, at=at: mp.elliprd(*_put(at, x, 1.1, y)),
                (1.1, y),
                [1e-5, 0.9, 1.0, 30.0],
                1e-10,
                None,
            )
        yield "elliprj", 1, lambda x, y=y: mp.elliprj(1.1, x, y, 7.0), (1.1, y, 7.0), [1e-5, 0.9, 30.0], 1e-10, None
        yield "elliprj", 3, lambda p, y=y: mp.elliprj(1.1, 0.4, y, p), (1.1, 0.4, y), [1e-5, 0.9, 30.0], 1e-8, None
    yield "hyp0f1", 1, lambda z: mp.hyp0f1(2.5, z), (2.5,), [-5.0, 0.0, 3.0], 1e-12, 1e-12
    yield "hyp1f1", 2, lambda z: mp.hyp1f1(1.5, 2.5, z), (1.5, 2.5), [-20.0, 0.0, 3.0, 50.0], 1e-12, 1e-12
    yield "hyp2f1", 3, lambda z: mp.hyp2f1(0.5, 1.5, 2.2, z), (0.5, 1.5, 2.2), [-5.0, 0.0, 0.3, 0.9], 1e-12, 1e-11
    yield "hyperu", 2, lambda z: mp.hyperu(1.5, 2.2, z), (1.5, 2.2), [0.3, 3.0, 30.0], 1e-10, 1e-9


def _polynomials():
    """Orthogonal polynomials and Legendre functions."""
    for n in (0, 1, 2, 7):
        yield "eval_legendre", 1, lambda x, n=n: mp.legendre(n, x), (n,), [-1.0, -0.3, 0.9, 1.0, 2.0], 1e-12, 1e-12
        yield "legendre_p", 1, lambda x, n=n: mp.legendre(n, x), (n,), [-1.0, -0.3, 0.9, 1.0, 2.0], 1e-12, 1e-12
        yield "eval_chebyt", 1, lambda x, n=n: mp.chebyt(n, x), (n,), [-1.0, -0.3, 0.9, 1.0, 2.0], 1e-12, 1e-12
        yield "eval_chebyu", 1, lambda x, n=n: mp.chebyu(n, x), (n,), [-0.99, -0.3, 0.9, 1.1, 2.0], 1e-12, 1e-12
        yield "eval_chebyc", 1, lambda x, n=n: 2 * mp.chebyt(n, x / 2), (n,), [-1.0, -0.3, 0.9, 2.0], 1e-12, 1e-12
        yield "eval_chebys", 1, lambda x, n=n: mp.chebyu(n, x / 2), (n,), [-0.9, -0.3, 0.9], 1e-12, 1e-12
        yield "eval_sh_legendre", 1, lambda x, n=n: mp.legendre(n, 2 * x - 1), (n,), [0.0, 0.3, 0.9, 1.0], 1e-12, 1e-12
        yield "eval_sh_chebyt", 1, lambda x, n=n: mp.chebyt(n, 2 * x - 1), (n,), [0.0, 0.3, 0.9, 1.0], 1e-12, 1e-12
        yield "eval_sh_chebyu", 1, lambda x, n=n: mp.chebyu(n, 2 * x - 1), (n,), [0.1, 0.3, 0.9], 1e-12, 1e-12
        yield "eval_gegenbauer", 2, lambda x, n=n: mp.gegenbauer(n, 0.7, x), (n, 0.7), [-0.9, -0.3, 0.9], 1e-12, 1e-12
        yield "eval_jacobi", 3, lambda x, n=n: mp.jacobi(n, 0.7, 1.2, x), (n, 0.7, 1.2), [-0.9, -0.3, 0.9], 1e-12, 1e-12
        yield "eval_laguerre", 1, lambda x, n=n: mp.laguerre(n, 0, x), (n,), [0.0, 0.3, 5.0], 1e-12, 1e-12
        yield "eval_genlaguerre", 2, lambda x, n=n: mp.laguerre(n, 0.7, x), (n, 0.7), [0.0, 0.3, 5.0], 1e-12, 1e-12
        yield "eval_hermite", 1, lambda x, n=n: mp.hermite(n, x), (n,), [0.1, 0.3, 5.0], 1e-12, 1e-12
        yield (
            "eval_hermitenorm",
            1,
            lambda x, n=n: mp.power(2, mpf(-n) / 2) * mp.hermite(n, x / mp.sqrt(2)),
            (n,),
            [0.1, 0.3, 5.0],
            1e-12,
            1e-12,
        )
    legendre = {
        0.0: lambda x: (5 * x**3 - 3 * x) / 2,
        1.0: lambda x: -mpf(3) / 2 * (5 * x**2 - 1) * mp.sqrt(1 - x * x),
        2.0: lambda x: 15 * x * (1 - x * x),
    }
    for m, function in legendre.items():
        yield "lpmv", 2, function, (m, 3.0), [-0.9, 0.2, 0.7], 1e-11, 1e-10


def _distributions():
    """Distribution functions, known by their densities."""

    def chi2(x):
        return gamma_density(mpf(3) / 2, x / 2) / 2

    def by_a(a):
        return 3 * gamma_density(mpf(2.5), 3 * a)

    def binomial(p):
        return -beta_density(4, 7, p)

    def negative(p):
        return beta_density(5, 4, p)

    for sign, suffix in ((1, ""), (-1, "c")):
        yield f"chdtr{suffix}", 1, _times(sign, chi2), (3.0,), [1e-4, 1.5, 30.0], 4e-13, 4e-12
        yield f"gdtr{suffix}", 0, _times(sign, by_a), (2.5, 3.0), [0.1, 1.0, 9.0], 4e-13, 4e-12
        yield f"gdtr{suffix}", 2, _times(sign, by_a), (3.0, 2.5), [0.1, 1.0, 9.0], 4e-13, 4e-12
        yield f"pdtr{suffix}", 1, _times(-sign, lambda m: gamma_density(4, m)), (3.0,), [0.1, 2.0, 30.0], 4e-13, 4e-12
        yield f"bdtr{suffix}", 2, _times(sign, binomial), (3.0, 10), [0.01, 0.4, 0.9], 4e-13, 4e-12
        yield f"nbdtr{suffix}", 2, _times(sign, negative), (3, 5), [0.01, 0.4, 0.9], 4e-13, 4e-12
        yield (
            f"fdtr{suffix}",
            2,
            _times(sign, lambda x: f_density(3, 7, x)),
            (3.0, 7.0),
            [1e-3, 1.0, 40.0],
            4e-13,
            4e-12,
        )
    yield "stdtr", 1, Integral(lambda t: t_density(4, t)), (4.0,), [-30.0, -1.0, 0.5, 7.0], 4e-13, 4e-12
    yield "chndtr", 0, lambda x: noncentral(x, mpf(2)), (3.0, 2.0), [0.1, 2.0, 30.0], 1e-12, 1e-11
    yield "chndtr", 2, lambda nc: noncentral(mpf(4), nc), (4.0, 3.0), [0.1, 2.0, 30.0], 1e-12, 1e-11


def noncentral(x, nc):
    """Noncentral chi-squared of 3 degrees of freedom: a Poisson mixture."""
    term = lambda j: mp.exp(-nc / 2) * (nc / 2) ** j / mp.factorial(j)  # noqa: E731
    return mp.fsum(term(j) * mp.gammainc(mpf(3) / 2 + j, 0, x / 2, regularized=True) for j in range(120))


def _times(sign, density):
    return Integral(lambda x: sign * density(x))


def _put(at, x, *others):
    """The others in order, with x at its place."""
    others = list(others)
    others.insert(at, x)
    return others

"""Random numbers that work under jit, vmap and scan, and that derivatives flow through.

There is no hidden state: what is drawn is a function of a *key*. Draw once from each key, and make new
keys of an old one with `split`, or with `fold_in` of a number (the turn of a loop). Under `vmap`, keys are
lanes. The same key gives the same draw on every engine, up to rounding.

Draws follow their parameters: a normal draw moves with `loc` and `scale` (reparameterisation), and so does a
gamma draw with its shape parameter (implicitly); integers do not move.

>>> import numpy as np, pullback as pb
>>> from pullback import random
>>> key = random.key(0)
>>> def mean_square(scale):
...     return np.mean(random.normal(key, 1000, scale=scale) ** 2)
>>> bool(abs(pb.grad(mean_square)(3.0) - 2 * 3.0) < 0.5)
True
"""

from .continuous import cauchy as cauchy
from .continuous import exponential as exponential
from .continuous import gumbel as gumbel
from .continuous import laplace as laplace
from .continuous import logistic as logistic
from .continuous import lognormal as lognormal
from .continuous import multivariate_normal as multivariate_normal
from .continuous import normal as normal
from .continuous import pareto as pareto
from .continuous import rayleigh as rayleigh
from .continuous import uniform as uniform
from .continuous import weibull as weibull
from .discrete import bernoulli as bernoulli
from .discrete import categorical as categorical
from .discrete import choice as choice
from .discrete import permutation as permutation
from .discrete import randint as randint
from .gammas import beta as beta
from .gammas import chisquare as chisquare
from .gammas import dirichlet as dirichlet
from .gammas import gamma as gamma
from .gammas import loggamma as loggamma
from .gammas import student_t as student_t
from .keys import bits as bits
from .keys import fold_in as fold_in
from .keys import key as key
from .keys import split as split

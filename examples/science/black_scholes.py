"""A book of options: its value by Black and Scholes, and with its gradient all the Greeks at once."""

import numpy as np
from scipy.special import ndtr


def value(spot, volatility, rate, strikes, maturities, is_call):
    """Return the value of one option for each strike and maturity."""
    root = volatility * np.sqrt(maturities)
    d1 = (np.log(spot / strikes) + (rate + volatility**2 / 2) * maturities) / root
    d2 = d1 - root
    discounted = strikes * np.exp(-rate * maturities)
    calls = spot * ndtr(d1) - discounted * ndtr(d2)
    puts = discounted * ndtr(-d2) - spot * ndtr(-d1)
    return np.sum(np.where(is_call, calls, puts))


def arguments(rng):
    n = 2000
    return 100.0, 0.2 + 0.1 * rng.random(n), 0.03, rng.uniform(70, 130, n), rng.uniform(0.1, 2, n), rng.random(n) < 0.5

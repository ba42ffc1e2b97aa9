"""The compiled engine side by side with its peers: ``python -m benchmarks.engine``.

One module a problem. Each states the problem once, as functions of the namespace (`numpy` for
pullback, `jax.numpy` for JAX), or says where it needs a twin because another library's idiom
differs; makes its data from a fixed seed; and offers ``cases(size)``, a `Case` for each row of
the table.
"""

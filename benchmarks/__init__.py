"""Benchmarks: side by side with other libraries, in one run, on one thread.

Importing this package sets the number of threads of BLAS, OpenMP and XLA to one, for whatever
is imported afterwards: import it before NumPy. (`benchmarks.peers` does the same for PyTorch,
which has to be asked.)
"""

import os

ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}

for _name, _value in ONE_THREAD.items():
    os.environ.setdefault(_name, _value)

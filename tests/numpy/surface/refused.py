"""What is refused: a call of each, of something that moves."""

import numpy as np

CALLS = {
    "nextafter": lambda x: np.nextafter(x, 1.0),
    "isnat": lambda x: np.isnat(x),
    "broadcast": lambda x: np.broadcast(x, 1.0).shape,
    "flatiter": lambda x: np.asarray(x).flat.base,
    "fromiter": lambda x: np.fromiter(x[0], float),
    "frompyfunc": lambda x: np.frompyfunc(lambda a: a, 1, 1)(x),
    "from_dlpack": lambda x: np.from_dlpack(x),
    "nditer": lambda x: np.nditer([x], op_flags=[["readonly"]]),
    "nested_iters": lambda x: np.nested_iters([x], [[0], [1]], op_flags=[["readonly"]]),
    "matrix": lambda x: np.matrix(x),
    "asmatrix": lambda x: np.asmatrix(x),
    "bmat": lambda x: np.bmat([[x, x]]),
    "save": lambda x: np.save("none.npy", x),
    "savetxt": lambda x: np.savetxt("none.txt", x),
    "savez": lambda x: np.savez("none.npz", x),
    "savez_compressed": lambda x: np.savez_compressed("none.npz", x),
    "frombuffer": lambda x: np.frombuffer(x),
    "busday_count": lambda x: np.busday_count(x, x),
    "busday_offset": lambda x: np.busday_offset(x, x),
    "is_busday": lambda x: np.is_busday(x),
    "datetime_as_string": lambda x: np.datetime_as_string(x),
    "isfortran": lambda x: np.isfortran(x),
    "ndarray.item": lambda x: x[0, 0].item(),
    "ndarray.tolist": lambda x: x.tolist(),
    "ndarray.choose": lambda x: np.array([0, 1, 1, 0]).choose([x[0], x[1]]),
    "ndarray.resize": lambda x: x.copy().resize((2, 6)),
    "ndarray.base": lambda x: x.base,
    "ndarray.ctypes": lambda x: x.ctypes,
    "ndarray.data": lambda x: x.data,
    "ndarray.flags": lambda x: x.flags,
    "ndarray.setflags": lambda x: x.setflags(write=False),
    "ndarray.byteswap": lambda x: x.byteswap(),
    "ndarray.getfield": lambda x: x.getfield(np.int8),
    "ndarray.setfield": lambda x: x.setfield(0, np.int8),
    "ndarray.tobytes": lambda x: x.tobytes(),
    "ndarray.tofile": lambda x: x.tofile("none"),
    "ndarray.dump": lambda x: x.dump("none"),
    "ndarray.dumps": lambda x: x.dumps(),
}

# NumPy itself refuses what is no memory, and asks nobody.
BY_NUMPY = frozenset({"nditer", "nested_iters", "frombuffer"})

# They take no array: names of files, text, dates.
NO_ARRAY = frozenset({
    "busdaycalendar", "datetime_data", "fromfile", "fromregex", "fromstring", "genfromtxt", "load", "loadtxt", "memmap",
    "recarray", "record",
})  # fmt: skip

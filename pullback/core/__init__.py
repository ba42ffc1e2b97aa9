"""The ground floor: types, Programs, primitives' base class, Tracers and recorders, pytrees, errors."""

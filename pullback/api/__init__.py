"""The public transformations: grad, vjp, jvp, jacobian, vmap, jit, control flow, custom rules."""

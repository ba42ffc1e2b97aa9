"""The compiled engine: a Program to native code, through loops and LLVM."""

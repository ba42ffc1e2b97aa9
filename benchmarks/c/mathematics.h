/* With VECTOR_MATH: declare that glibc has vector versions of these (libmvec), for loops that vectorise. */
#ifdef VECTOR_MATH
#define VECTORS __attribute__((simd("notinbranch"), const, nothrow))
double exp(double) VECTORS;
double tanh(double) VECTORS;
double sin(double) VECTORS;
double cos(double) VECTORS;
#endif
#include <math.h>
#include <stdlib.h>
#include <string.h>

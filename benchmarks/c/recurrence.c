/* x <- x + h sin(x p), n times: the last x, and its derivatives by the first x and by p. */
#include "mathematics.h"

double recurrence(int n, double h, double x, double p) {
    for (int t = 0; t < n; t++) x += h * sin(x * p);
    return x;
}

/* tape: n doubles for x; cosines: n doubles. gradient[0]: by x, gradient[1]: by p. */
double recurrence_gradient(int n, double h, double x, double p, double *tape, double *cosines, double *gradient) {
    for (int t = 0; t < n; t++) {
        tape[t] = x;
        x += h * sin(x * p);
    }
    for (int t = 0; t < n; t++) cosines[t] = h * cos(tape[t] * p);
    double u = 1, by_p = 0;
    for (int t = n - 1; t >= 0; t--) {
        const double s = u * cosines[t];
        by_p += s * tape[t];
        u += s * p;
    }
    gradient[0] = u;
    gradient[1] = by_p;
    return x;
}

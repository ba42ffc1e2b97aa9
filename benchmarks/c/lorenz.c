/* Lorenz-96 by RK4: x'[i] = (x[i+1] - x[i-2]) x[i-1] - x[i] + F, periodic.
   Arrays carry a halo of two on each side, so that the inner loops have no wrap. */
#include "mathematics.h"

#define H 2

static inline void wrap(int n, double *x) {
    x[0] = x[n];
    x[1] = x[n + 1];
    x[n + H] = x[H];
    x[n + H + 1] = x[H + 1];
}

static inline void slope(int n, double F, double *restrict x, double *restrict k) {
    wrap(n, x);
    for (int i = H; i < n + H; i++) k[i] = (x[i + 1] - x[i - 2]) * x[i - 1] - x[i] + F;
}

static inline void move(int n, const double *restrict x, double h, const double *restrict k, double *restrict to) {
    for (int i = H; i < n + H; i++) to[i] = x[i] + h * k[i];
}

/* One step; a: the four points at which the slope is taken (a[0] is x itself). */
static inline void step(int n, double F, double h, double *restrict a, int m, double *restrict k, double *restrict to) {
    double *k1 = k, *k2 = k + m, *k3 = k + 2 * m, *k4 = k + 3 * m;
    slope(n, F, a, k1);
    move(n, a, h / 2, k1, a + m);
    slope(n, F, a + m, k2);
    move(n, a, h / 2, k2, a + 2 * m);
    slope(n, F, a + 2 * m, k3);
    move(n, a, h, k3, a + 3 * m);
    slope(n, F, a + 3 * m, k4);
    for (int i = H; i < n + H; i++) to[i] = a[i] + h / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
}

/* work: 9 (n + 4) doubles. Returns 1/2 |x|^2 at the end. */
double lorenz(int n, int steps, double F, double h, const double *x0, double *x, double *work) {
    const int m = n + 2 * H;
    double *a = work, *k = work + 4 * m, *to = work + 8 * m;
    memcpy(a + H, x0, n * sizeof(double));
    for (int t = 0; t < steps; t++) {
        step(n, F, h, a, m, k, to);
        memcpy(a + H, to + H, n * sizeof(double));
    }
    memcpy(x, a + H, n * sizeof(double));
    double half = 0;
    for (int i = 0; i < n; i++) half += 0.5 * x[i] * x[i];
    return half;
}

/* out = J(x)^T u; x has its halo already. */
static inline void back(int n, const double *restrict x, double *restrict u, double *restrict out) {
    wrap(n, u);
    for (int j = H; j < n + H; j++)
        out[j] = u[j - 1] * x[j - 2] - u[j + 2] * x[j + 1] + u[j + 1] * (x[j + 2] - x[j - 1]) - u[j];
}

/* tape: (4 steps + 4) (n + 4) doubles; work: 7 (n + 4). gradient: of 1/2 |x|^2 by x0. */
double lorenz_gradient(int n, int steps, double F, double h, const double *x0, double *gradient, double *tape,
                       double *work) {
    const int m = n + 2 * H;
    memcpy(tape + H, x0, n * sizeof(double));
    for (int t = 0; t < steps; t++) step(n, F, h, tape + 4 * m * t, m, work, tape + 4 * m * (t + 1));
    double *x = tape + 4 * m * steps, *u = work, *k = work + m, *g = work + 2 * m, *sum = work + 3 * m;
    double half = 0;
    for (int i = H; i < n + H; i++) half += 0.5 * x[i] * x[i];
    memcpy(u, x, m * sizeof(double));
    for (int t = steps - 1; t >= 0; t--) {
        const double *a = tape + 4 * m * t;
        for (int i = H; i < n + H; i++) k[i] = h / 6 * u[i];
        back(n, a + 3 * m, k, g);
        for (int i = H; i < n + H; i++) sum[i] = u[i] + g[i], k[i] = h / 3 * u[i] + h * g[i];
        back(n, a + 2 * m, k, g);
        for (int i = H; i < n + H; i++) sum[i] += g[i], k[i] = h / 3 * u[i] + h / 2 * g[i];
        back(n, a + m, k, g);
        for (int i = H; i < n + H; i++) sum[i] += g[i], k[i] = h / 6 * u[i] + h / 2 * g[i];
        back(n, a, k, g);
        for (int i = H; i < n + H; i++) u[i] = sum[i] + g[i];
    }
    memcpy(gradient, u + H, n * sizeof(double));
    return half;
}

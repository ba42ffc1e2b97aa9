/* ADBench's log-likelihood of a Gaussian mixture with a Wishart prior, and its gradient.

   alphas: (k); means: (k, d); icf: k x d (d + 1) / 2: logarithms of the diagonal of Q, then the strict lower triangle
   by columns; x: (n, d). Columns are contiguous, so that both products vectorise. The gradient by a mean needs one
   product with Q^T a component, after the sum over points: Q^T sum(p q). */
#include "mathematics.h"

static double log_gamma_distribution(double a, int p) {
    double out = 0.25 * p * (p - 1) * log(M_PI);
    for (int j = 1; j <= p; j++) out += lgamma(a + 0.5 * (1 - j));
    return out;
}

/* q = Q y; returns |q|^2. */
static inline double multiply(int d, const double *restrict diagonal, const double *restrict l,
                              const double *restrict y, double *restrict q) {
    for (int i = 0; i < d; i++) q[i] = diagonal[i] * y[i];
    for (int j = 0; j < d; j++) {
        const int below = d - j - 1;
        for (int i = 0; i < below; i++) q[j + 1 + i] += l[i] * y[j];
        l += below;
    }
    double square = 0;
    for (int i = 0; i < d; i++) square += q[i] * q[i];
    return square;
}

/* g_mean += p q (still to be multiplied by Q^T), g_Q -= p q y^T. */
static inline void collect(int d, double p, const double *restrict y, double *restrict q, double *restrict g_mean,
                           double *restrict g_diagonal, double *restrict g_l) {
    for (int i = 0; i < d; i++) q[i] *= p;
    for (int i = 0; i < d; i++) g_mean[i] += q[i];
    for (int i = 0; i < d; i++) g_diagonal[i] -= q[i] * y[i];
    for (int j = 0; j < d; j++) {
        const int below = d - j - 1;
        for (int i = 0; i < below; i++) g_l[i] -= q[j + 1 + i] * y[j];
        g_l += below;
    }
}

/* work: k (3 d + 3) doubles. */
double gmm_gradient(int d, int k, int n, const double *restrict alphas, const double *restrict means,
                    const double *restrict icf, const double *restrict x, double gamma, int m,
                    double *restrict g_alphas, double *restrict g_means, double *restrict g_icf,
                    double *restrict work) {
    const int size = d * (d + 1) / 2;
    double *diagonal = work, *q = diagonal + k * d, *y = q + k * d, *sum_q = y + k * d, *term = sum_q + k,
           *weight = term + k;
    memset(g_means, 0, k * d * sizeof(double));
    memset(g_icf, 0, k * size * sizeof(double));
    memset(weight, 0, k * sizeof(double));
    for (int c = 0; c < k; c++) {
        sum_q[c] = 0;
        for (int j = 0; j < d; j++) {
            diagonal[c * d + j] = exp(icf[c * size + j]);
            sum_q[c] += icf[c * size + j];
        }
    }
    double slse = 0;
    for (int i = 0; i < n; i++) {
        double largest = -INFINITY, sum = 0;
        for (int c = 0; c < k; c++) {
            for (int j = 0; j < d; j++) y[c * d + j] = x[i * d + j] - means[c * d + j];
            term[c] = alphas[c] + sum_q[c]
                - 0.5 * multiply(d, diagonal + c * d, icf + c * size + d, y + c * d, q + c * d);
            if (term[c] > largest) largest = term[c];
        }
        for (int c = 0; c < k; c++) term[c] = exp(term[c] - largest);
        for (int c = 0; c < k; c++) sum += term[c];
        slse += largest + log(sum);
        for (int c = 0; c < k; c++) {
            const double p = term[c] / sum;
            weight[c] += p;
            collect(d, p, y + c * d, q + c * d, g_means + c * d, g_icf + c * size, g_icf + c * size + d);
        }
    }
    double largest = alphas[0], sum = 0, prior = 0;
    for (int c = 1; c < k; c++) largest = alphas[c] > largest ? alphas[c] : largest;
    for (int c = 0; c < k; c++) sum += exp(alphas[c] - largest);
    for (int c = 0; c < k; c++) {
        const double *Q = diagonal + c * d, *l = icf + c * size + d;
        double *g = g_icf + c * size, *g_mean = g_means + c * d, squares = 0;
        g_alphas[c] = weight[c] - n * exp(alphas[c] - largest) / sum;
        for (int j = 0; j < d; j++) {
            double by_mean = Q[j] * g_mean[j];
            for (int i = j + 1; i < d; i++) by_mean += *l++ * g_mean[i];
            g_mean[j] = by_mean;
            squares += Q[j] * Q[j];
            g[j] = weight[c] + g[j] * Q[j] + gamma * gamma * Q[j] * Q[j] - m;
        }
        for (int j = d; j < size; j++) {
            squares += icf[c * size + j] * icf[c * size + j];
            g[j] += gamma * gamma * icf[c * size + j];
        }
        prior += 0.5 * gamma * gamma * squares - m * sum_q[c];
    }
    const int N = d + m + 1;
    prior -= k * (N * d * (log(gamma) - 0.5 * log(2)) - log_gamma_distribution(0.5 * N, d));
    return -n * d * 0.5 * log(2 * M_PI) + slse - n * (largest + log(sum)) + prior;
}

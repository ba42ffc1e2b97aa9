/* ADBench's diagonal LSTM and the gradient of its loss.

   main: (layers, 2, 4, b): weights, then biases, of the gates forget, in, out, change
   extra: (3, b); state: (layers, 2, b): hidden, cell; sequence: (c, b)
   A turn: x *= extra[0]; each layer: forget = sigma(x w0 + b0), in = sigma(h w1 + b1), out = sigma(x w2 + b2),
   change = tanh(h w3 + b3), cell = cell forget + in change, x = h = out tanh(cell); y = x extra[1] + extra[2];
   the loss is the mean of -gold (y - log(2 + sum exp y)) with the next element of the sequence for gold. */
#include "mathematics.h"

/* What a layer keeps of a turn, b doubles each. */
enum { IN, HIDDEN, CELL, FORGET, INGATE, OUTGATE, CHANGE, TANH, KEPT };

static inline void gates(int b, const double *restrict w, const double *restrict x, const double *restrict h,
                         const double *restrict cell, double *restrict f, double *restrict in, double *restrict out,
                         double *restrict change, double *restrict th, double *restrict new_cell,
                         double *restrict new_h) {
    const double *bias = w + 4 * b;
    for (int j = 0; j < b; j++) f[j] = 1 / (1 + exp(-(x[j] * w[j] + bias[j])));
    for (int j = 0; j < b; j++) in[j] = 1 / (1 + exp(-(h[j] * w[b + j] + bias[b + j])));
    for (int j = 0; j < b; j++) out[j] = 1 / (1 + exp(-(x[j] * w[2 * b + j] + bias[2 * b + j])));
    for (int j = 0; j < b; j++) change[j] = tanh(h[j] * w[3 * b + j] + bias[3 * b + j]);
    for (int j = 0; j < b; j++) new_cell[j] = cell[j] * f[j] + in[j] * change[j];
    for (int j = 0; j < b; j++) th[j] = tanh(new_cell[j]);
    for (int j = 0; j < b; j++) new_h[j] = out[j] * th[j];
}

static inline void layer_back(int b, const double *restrict w, const double *restrict s, const double *restrict u,
                              double *restrict gh, double *restrict gc, double *restrict ux, double *restrict g) {
    const double *x = s, *h = s + HIDDEN * b, *cell = s + CELL * b, *f = s + FORGET * b, *in = s + INGATE * b;
    const double *out = s + OUTGATE * b, *change = s + CHANGE * b, *th = s + TANH * b;
    for (int j = 0; j < b; j++) {
        const double uh = u[j] + gh[j];                             /* by the new hidden state */
        const double uc = gc[j] + uh * out[j] * (1 - th[j] * th[j]); /* by the new cell */
        const double a0 = uc * cell[j] * f[j] * (1 - f[j]);
        const double a1 = uc * change[j] * in[j] * (1 - in[j]);
        const double a2 = uh * th[j] * out[j] * (1 - out[j]);
        const double a3 = uc * in[j] * (1 - change[j] * change[j]);
        g[j] += a0 * x[j], g[b + j] += a1 * h[j], g[2 * b + j] += a2 * x[j], g[3 * b + j] += a3 * h[j];
        g[4 * b + j] += a0, g[5 * b + j] += a1, g[6 * b + j] += a2, g[7 * b + j] += a3;
        ux[j] = a0 * w[j] + a2 * w[2 * b + j];
        gh[j] = a1 * w[b + j] + a3 * w[3 * b + j];
        gc[j] = uc * f[j];
    }
}

/* tape: (c - 1) (8 layers + 2) b doubles; work: (4 layers + 2) b. */
double lstm_gradient(int layers, int c, int b, const double *restrict main, const double *restrict extra,
                     const double *state, const double *restrict sequence, double *restrict g_main,
                     double *restrict g_extra, double *restrict tape, double *restrict work) {
    const int turn = (KEPT * layers + 2) * b;
    const double scale = -1.0 / ((double)(c - 1) * b);
    double *s = work, *gs = work + 2 * layers * b, *u = work + 4 * layers * b, *ux = u + b;
    double loss = 0;
    memcpy(s, state, 2 * layers * b * sizeof(double));
    for (int t = 0; t + 1 < c; t++) {
        double *kept = tape + (size_t)t * turn, *last = kept + KEPT * layers * b, *y = last + b;
        const double *gold = sequence + (t + 1) * b;
        for (int j = 0; j < b; j++) kept[j] = sequence[t * b + j] * extra[j];
        for (int l = 0; l < layers; l++) {
            double *k = kept + l * KEPT * b, *h = s + 2 * l * b, *next = l + 1 < layers ? k + KEPT * b : last;
            memcpy(k + HIDDEN * b, h, 2 * b * sizeof(double));
            gates(b, main + 8 * l * b, k, k + HIDDEN * b, k + CELL * b, k + FORGET * b, k + INGATE * b,
                  k + OUTGATE * b, k + CHANGE * b, k + TANH * b, h + b, h);
            memcpy(next, h, b * sizeof(double));
        }
        double sum = 2, dot = 0, golds = 0;
        for (int j = 0; j < b; j++) u[j] = last[j] * extra[b + j] + extra[2 * b + j];
        for (int j = 0; j < b; j++) y[j] = exp(u[j]);
        for (int j = 0; j < b; j++) sum += y[j], dot += gold[j] * u[j], golds += gold[j];
        loss += dot - golds * log(sum);
        for (int j = 0; j < b; j++) y[j] = scale * (gold[j] - golds * y[j] / sum); /* the loss by y, for the way back */
    }
    memset(g_main, 0, 8 * layers * b * sizeof(double));
    memset(g_extra, 0, 3 * b * sizeof(double));
    memset(gs, 0, 2 * layers * b * sizeof(double));
    for (int t = c - 2; t >= 0; t--) {
        const double *kept = tape + (size_t)t * turn, *last = kept + KEPT * layers * b, *uy = last + b;
        for (int j = 0; j < b; j++) {
            g_extra[b + j] += uy[j] * last[j];
            g_extra[2 * b + j] += uy[j];
            u[j] = uy[j] * extra[b + j];
        }
        for (int l = layers - 1; l >= 0; l--) {
            double *gh = gs + 2 * l * b;
            layer_back(b, main + 8 * l * b, kept + l * KEPT * b, u, gh, gh + b, ux, g_main + 8 * l * b);
            memcpy(u, ux, b * sizeof(double));
        }
        for (int j = 0; j < b; j++) g_extra[j] += u[j] * sequence[t * b + j];
    }
    return loss * scale;
}

/* Bundle adjustment: the weighted reprojection error of p observations and its 2 x 15 Jacobians.

   z: (p, 15): rotation 3, centre 3, focal length, principal point 2, radial distortion 2, point 3, weight
   features: (p, 2); jacobian: (p, 2, 15). The rotation's angle is not zero. */
#include "mathematics.h"

void ba_jacobian(int p, const double *restrict z_, const double *restrict features, double *restrict out) {
    for (int i = 0; i < p; i++) {
        const double *z = z_ + 15L * i;
        double *J = out + 30L * i;
        const double y0 = z[11] - z[3], y1 = z[12] - z[4], y2 = z[13] - z[5];
        const double theta = sqrt(z[0] * z[0] + z[1] * z[1] + z[2] * z[2]), over = 1 / theta;
        const double w0 = z[0] * over, w1 = z[1] * over, w2 = z[2] * over;
        const double s = sin(theta), c = cos(theta), e = 1 - c;
        const double wy = w0 * y0 + w1 * y1 + w2 * y2;
        const double c0 = w1 * y2 - w2 * y1, c1 = w2 * y0 - w0 * y2, c2 = w0 * y1 - w1 * y0; /* w x y */
        const double X = y0 * c + c0 * s + w0 * wy * e;
        const double Y = y1 * c + c1 * s + w1 * wy * e;
        const double Z = y2 * c + c2 * s + w2 * wy * e;
        const double iz = 1 / Z, u = X * iz, v = Y * iz;
        const double r = u * u + v * v, L = 1 + z[9] * r + z[10] * r * r, dL = 2 * (z[9] + 2 * z[10] * r);
        const double f = z[6], wt = z[14], wf = wt * f;

        /* The error by the point in the camera's frame. */
        const double uu = wf * (L + dL * u * u) * iz, uv = wf * dL * u * v * iz, vv = wf * (L + dL * v * v) * iz;
        const double P[2][3] = {{uu, uv, -(uu * u + uv * v)}, {uv, vv, -(uv * u + vv * v)}};

        /* The rotation's matrix; and that point by the angle (t) and by the axis (M), M w = m. */
        const double R[3][3] = {{c + e * w0 * w0, e * w0 * w1 - s * w2, e * w0 * w2 + s * w1},
                                {e * w1 * w0 + s * w2, c + e * w1 * w1, e * w1 * w2 - s * w0},
                                {e * w2 * w0 - s * w1, e * w2 * w1 + s * w0, c + e * w2 * w2}};
        const double t[3] = {-s * y0 + c * c0 + s * w0 * wy, -s * y1 + c * c1 + s * w1 * wy,
                             -s * y2 + c * c2 + s * w2 * wy};
        const double M[3][3] = {{e * (wy + w0 * y0), e * w0 * y1 + s * y2, e * w0 * y2 - s * y1},
                                {e * w1 * y0 - s * y2, e * (wy + w1 * y1), e * w1 * y2 + s * y0},
                                {e * w2 * y0 + s * y1, e * w2 * y1 - s * y0, e * (wy + w2 * y2)}};
        const double m[3] = {s * c0 + 2 * e * w0 * wy, s * c1 + 2 * e * w1 * wy, s * c2 + 2 * e * w2 * wy};
        const double w[3] = {w0, w1, w2}, image[2] = {u, v};
        double D[3][3];
        for (int a = 0; a < 3; a++)
            for (int k = 0; k < 3; k++) D[a][k] = t[a] * w[k] + (M[a][k] - m[a] * w[k]) * over;
        for (int q = 0; q < 2; q++) {
            double *row = J + 15 * q;
            for (int k = 0; k < 3; k++) row[k] = P[q][0] * D[0][k] + P[q][1] * D[1][k] + P[q][2] * D[2][k];
            for (int k = 0; k < 3; k++) {
                const double g = P[q][0] * R[0][k] + P[q][1] * R[1][k] + P[q][2] * R[2][k];
                row[3 + k] = -g;
                row[11 + k] = g;
            }
            row[6] = wt * L * image[q];
            row[7] = q == 0 ? wt : 0;
            row[8] = q == 1 ? wt : 0;
            row[9] = wf * image[q] * r;
            row[10] = wf * image[q] * r * r;
            row[14] = z[7 + q] + f * L * image[q] - features[2L * i + q];
        }
    }
}

/* SSE, SSE2 and x87. Only operations with one right answer to the last bit: no approximations (rsqrtps), no libm. */
#include "bench.h"

#include <emmintrin.h>
#include <string.h>

static uint64_t bits(double value)
{
    uint64_t raw;
    memcpy(&raw, &value, sizeof raw);
    return raw;
}

static uint64_t matmul(uint64_t n)
{
    enum { SIZE = 96 };
    static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < SIZE; k++) {
            a[i][k] = (i * 7 + k * 3) % 11 - 5.25;
            b[i][k] = (i * 5 + k * 9) % 13 / 8.0 - 0.7;
        }
    for (uint64_t r = 0; r < n; r++) {
        a[r % SIZE][r % 7] += 0.375;
        for (int i = 0; i < SIZE; i++)
            for (int k = 0; k < SIZE; k++) {
                double sum = 0;
                for (int j = 0; j < SIZE; j++)
                    sum += a[i][j] * b[j][k];
                c[i][k] = sum;
            }
        CLOBBER(c);
    }
    return checksum(c, sizeof c);
}

struct body {
    double x, y, z, vx, vy, vz, mass;
};

static uint64_t nbody(uint64_t n)
{
    struct body body[5];
    for (int i = 0; i < 5; i++)
        body[i] = (struct body) {
            3.0 * i + 0.5, 1.0 - i, 0.25 * i * i, 0.1 * i, 0.3 - 0.05 * i, -0.02 * i, 1.0 / (1 + i),
        };
    for (uint64_t step = 0; step < n; step++) {
        for (int i = 0; i < 5; i++)
            for (int k = i + 1; k < 5; k++) {
                struct body *p = body + i, *q = body + k;
                double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
                double square = dx * dx + dy * dy + dz * dz + 0.01;
                double pull = 0.001 / (square * __builtin_sqrt(square));
                p->vx -= dx * q->mass * pull, p->vy -= dy * q->mass * pull, p->vz -= dz * q->mass * pull;
                q->vx += dx * p->mass * pull, q->vy += dy * p->mass * pull, q->vz += dz * p->mass * pull;
            }
        for (int i = 0; i < 5; i++) {
            body[i].x += 0.001 * body[i].vx;
            body[i].y += 0.001 * body[i].vy;
            body[i].z += 0.001 * body[i].vz;
        }
    }
    return checksum(body, sizeof body);
}

static uint64_t packed(uint64_t n)
{
    enum { COUNT = 2048 };
    static float a[COUNT] __attribute__((aligned(16))), b[COUNT] __attribute__((aligned(16)));
    for (int i = 0; i < COUNT; i++) {
        a[i] = (float) (i % 97) / 8 + 0.5f;
        b[i] = (float) (i % 89) / 16 - 2;
    }
    const __m128 half = _mm_set1_ps(0.5f), low = _mm_set1_ps(-100), high = _mm_set1_ps(100);
    for (uint64_t r = 0; r < n; r++)
        for (int i = 0; i < COUNT; i += 4) {
            __m128 x = _mm_load_ps(a + i), y = _mm_load_ps(b + i);
            __m128 t = _mm_add_ps(_mm_mul_ps(x, y), half);
            y = _mm_sub_ps(_mm_mul_ps(_mm_shuffle_ps(t, t, 0x1b), half), y);
            x = _mm_min_ps(_mm_max_ps(_mm_add_ps(_mm_mul_ps(t, half), x), low), high);
            _mm_store_ps(a + i, _mm_sqrt_ps(_mm_mul_ps(x, x)));
            _mm_store_ps(b + i, _mm_min_ps(_mm_max_ps(y, low), high));
        }
    return checksum(a, sizeof a) ^ checksum(b, sizeof b);
}

static uint64_t mandelbrot(uint64_t n)
{
    uint64_t sum = 0;
    for (uint64_t row = 0; row < n; row++)
        for (int column = 0; column < 256; column++) {
            double cx = column / 100.0 - 2.0, cy = (double) (row % 200) / 100.0 - 1.0, x = 0, y = 0;
            int count = 0;
            while (count < 100 && x * x + y * y <= 4) {
                double t = x * x - y * y + cx;
                y = 2 * x * y + cy;
                x = t;
                count++;
            }
            sum = fold(sum, (unsigned) count);
        }
    return sum;
}

static uint64_t x87(uint64_t n)
{
    volatile long double seed = 0.3L;
    long double x = seed, sum = 0, term = 1;
    for (uint64_t i = 1; i <= n; i++) {
        x = 3.9999L * x * (1 - x);
        term = (term + x) / (1 + x * x);
        sum += __builtin_sqrtl(term) - (long double) (int64_t) (i & 1023) / 512;
        if (sum < 0)
            sum = -sum + 1;
    }
    uint64_t raw[2] = { 0, 0 };
    memcpy(raw, &sum, 10);
    return raw[0] ^ raw[1];
}

static uint64_t sse2_integer(uint64_t n)
{
    enum { COUNT = 1024 };
    static __m128i data[COUNT];
    uint64_t state = 99, out[2];
    for (int i = 0; i < COUNT; i++) {
        int64_t high = (int64_t) random64(&state);
        data[i] = _mm_set_epi64x(high, (int64_t) random64(&state));
    }
    __m128i sum = _mm_setzero_si128(), ones = _mm_set1_epi16(0x0101);
    for (uint64_t r = 0; r < n; r++)
        for (int i = 0; i < COUNT; i++) {
            __m128i v = data[i];
            __m128i t = _mm_xor_si128(_mm_shuffle_epi32(v, 0x39), _mm_slli_epi32(v, 5));
            t = _mm_add_epi32(t, _mm_mullo_epi16(v, ones));
            t = _mm_sub_epi64(t, _mm_mul_epu32(v, sum));
            __m128i mask = _mm_cmpgt_epi32(t, v);
            sum = _mm_add_epi64(sum, _mm_sad_epu8(_mm_packus_epi16(t, v), mask));
            data[i] = _mm_or_si128(_mm_and_si128(mask, t), _mm_andnot_si128(mask, _mm_unpacklo_epi8(v, t)));
        }
    memcpy(out, &sum, sizeof out);
    return out[0] ^ out[1] ^ checksum(data, sizeof data);
}

static uint64_t convert(uint64_t n)
{
    uint64_t sum = 0;
    double d = 0.5;
    float f = 1;
    for (uint64_t i = 0; i < n; i++) {
        int64_t q = (int64_t) (d * 1000.25);
        int32_t w = (int32_t) (f * 3.5f);
        d = (double) (q % 4096) + (double) (int32_t) (i & 0xffff) * 0.125;
        f = (float) w / 5 + (float) (int32_t) (i & 63);
        d += f;
        sum += (uint64_t) q ^ (uint32_t) w;
    }
    return sum ^ bits(d);
}

const struct kernel float_kernels[] = {
    { "float/matmul", matmul, 40, NULL },
    { "float/nbody", nbody, 250000, NULL },
    { "float/packed-single", packed, 6000, NULL },
    { "float/mandelbrot", mandelbrot, 1000, NULL },
    { "float/x87", x87, 2000000, NULL },
    { "float/sse2-integer", sse2_integer, 8000, NULL },
    { "float/convert", convert, 3500000, NULL },
    { NULL, NULL, 0, NULL },
};

// Colours, and steps of colour, on a lattice in RGB (stylecore/objective/colours/lattice.py). Pictures are 3 x n in float32.

#define SIDE 129  // cells along a side of the fine lattice
#define KNOTS 33  // knots along a side of the coarse one
#define FINE 4096  // parts of a pixel's weight that are told apart
typedef unsigned long long u64;

// Add up in a cell; of a warp's pixels of one colour, which would wait for each other, one does it for all.
__device__ __forceinline__ void count(int* cells, u64* weighted, int place, const float* weights, long long pixel) {
    if (weights) {
        const long long weight = (long long)rintf(weights[pixel] * FINE);
        if (weight) atomicAdd(weighted + place, (u64)weight);
        return;
    }
#ifdef ON_PROCESSOR
    atomicAdd(cells + place, 1);
#else
    const unsigned alike = __match_any_sync(__activemask(), place);
    if ((int)(threadIdx.x % 32) == __ffs(alike) - 1) atomicAdd(cells + place, __popc(alike));
#endif
}

__device__ __forceinline__ int cell(float red, float green, float blue) {
    const int r = (int)rintf(fminf(fmaxf(red, 0.f), 1.f) * (SIDE - 1)), g = (int)rintf(fminf(fmaxf(green, 0.f), 1.f) * (SIDE - 1)),
              b = (int)rintf(fminf(fmaxf(blue, 0.f), 1.f) * (SIDE - 1));
    return (r * SIDE + g) * SIDE + b;
}

// What a table at the knots says between them, trilinear; beyond the lattice as at its border.
__device__ __forceinline__ void read_off(const float4* knots, float red, float green, float blue, float* out) {
    const float r = fminf(fmaxf(red, 0.f), 1.f) * (KNOTS - 1), g = fminf(fmaxf(green, 0.f), 1.f) * (KNOTS - 1),
                b = fminf(fmaxf(blue, 0.f), 1.f) * (KNOTS - 1);
    const int r0 = min((int)r, KNOTS - 2), g0 = min((int)g, KNOTS - 2), b0 = min((int)b, KNOTS - 2);
    const float dr = r - r0, dg = g - g0, db = b - b0;
    out[0] = out[1] = out[2] = 0;
#pragma unroll
    for (int corner = 0; corner < 8; ++corner) {
        const int up = corner >> 2, along = corner >> 1 & 1, across = corner & 1;
        const float share = (up ? dr : 1 - dr) * (along ? dg : 1 - dg) * (across ? db : 1 - db);
        const float4 knot = knots[((r0 + up) * KNOTS + g0 + along) * KNOTS + b0 + across];
        out[0] += share * knot.x, out[1] += share * knot.y, out[2] += share * knot.z;
    }
}

// How many pixels lie in each cell, in `cells`, or what they weigh, in `weighted`.
extern "C" __global__ void count_colours(const float* image, const float* weights, int* cells, u64* weighted, int pixels) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * (long long)blockDim.x)
        count(cells, weighted, cell(image[i], image[i + pixels], image[i + 2LL * pixels]), weights, i);
}

// Add to the gradient what the table says of each pixel, times its weight in parts.
extern "C" __global__ void read_colours(const float4* knots, const float* image, const float* weights, float* gradient,
                                        int pixels) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * (long long)blockDim.x) {
        float slope[3];
        read_off(knots, image[i], image[i + pixels], image[i + 2LL * pixels], slope);
        const float weight = weights ? rintf(weights[i] * FINE) : 1.f;
        gradient[i] += slope[0] * weight, gradient[i + pixels] += slope[1] * weight;
        gradient[i + 2LL * pixels] += slope[2] * weight;
    }
}

// The step from a pixel to another one, compressed to 0 to 1 (stylecore/objective/colours/edges.py).
__device__ __forceinline__ void step_between(const float* image, long long plane, long long from, long long to, float scale,
                                             float* out) {
    for (int channel = 0; channel < 3; ++channel, from += plane, to += plane)
        out[channel] = tanhf((image[to] - image[from]) * scale) * 0.5f + 0.5f;
}

// Steps to the right and down of the inner rows x width pixels of `image`, which has one more all around; one more row below
// is all that is needed of it.
extern "C" __global__ void count_steps(const float* image, const float* weights, int* cells, u64* weighted, int rows, int width,
                                       int height, double scale) {
    const long long pixels = (long long)rows * width, plane = (long long)height * (width + 2);
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < pixels; i += gridDim.x * (long long)blockDim.x) {
        const long long from = (i / width + 1) * (width + 2) + i % width + 1;
        for (int down = 0; down < 2; ++down) {
            float at[3];
            step_between(image, plane, from, from + (down ? width + 2 : 1), (float)scale, at);
            count(cells, weighted, cell(at[0], at[1], at[2]), weights, i);
        }
    }
}

// What the table says of one step, as a slope by the difference of its pixels.
__device__ __forceinline__ void step_slope(const float4* knots, const float* image, const float* weights, long long plane,
                                           int width, long long row, long long column, int down, float scale, float* out) {
    const long long from = (row + 1) * (width + 2) + column + 1;
    float at[3];
    step_between(image, plane, from, from + (down ? width + 2 : 1), scale, at);
    read_off(knots, at[0], at[1], at[2], out);
    const float weight = weights ? rintf(weights[row * width + column] * FINE) : 1.f;
    for (int channel = 0; channel < 3; ++channel) out[channel] *= 2 * scale * at[channel] * (1 - at[channel]) * weight;
}

// Add to the gradient by `image` (with what is around it) what the table says of the steps that meet in each pixel.
extern "C" __global__ void read_steps(const float4* knots, const float* image, const float* weights, float* gradient, int rows,
                                      int width, int height, double scale) {
    const int broad = width + 2;
    const long long plane = (long long)height * broad;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < plane; i += gridDim.x * (long long)blockDim.x) {
        const long long row = i / broad - 1, column = i % broad - 1;
        float sum[3] = {0, 0, 0}, slope[3];
        const int inside = column >= 0 && column < width, among = row >= 0 && row < rows;
        for (int down = 0; down < 2; ++down) {
            if (inside && among) {  // from here
                step_slope(knots, image, weights, plane, width, row, column, down, (float)scale, slope);
                for (int channel = 0; channel < 3; ++channel) sum[channel] -= slope[channel];
            }
            const long long up = row - down, before = column - !down;  // to here
            if (up >= 0 && up < rows && before >= 0 && before < width) {
                step_slope(knots, image, weights, plane, width, up, before, down, (float)scale, slope);
                for (int channel = 0; channel < 3; ++channel) sum[channel] += slope[channel];
            }
        }
        for (int channel = 0; channel < 3; ++channel) gradient[i + channel * plane] += sum[channel];
    }
}

// The passes of L-BFGS over an image's numbers (stylecore/painting/history.py). The history's rows are in bfloat16, each
// beginning at a multiple of 16 bytes.

typedef unsigned int u32;
typedef unsigned short u16;

__device__ __forceinline__ u16 shortened(float value) {  // to the nearest, of two the even one, as torch does
    const u32 bits = __float_as_uint(value);
    if (value != value) return (u16)0x7fc0;
    return (u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// Keep the step from one image to another, and the change of the gradient.
extern "C" __global__ void keep_pair(const float* image, const float* image_there, const float* gradient,
                                     const float* gradient_there, u16* step, u16* change, int numbers) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < numbers; i += gridDim.x * (long long)blockDim.x) {
        step[i] = shortened(image_there[i] - image[i]);
        change[i] = shortened(gradient_there[i] - gradient[i]);
    }
}

// Whether a number may move: not at a bound of 0 and 1 with the gradient pointing outward.
extern "C" __global__ void find_free(const float* image, const float* gradient, const bool* movable, bool* free, int numbers) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < numbers; i += gridDim.x * (long long)blockDim.x) {
        const bool held = (image[i] <= 0 && gradient[i] > 0) || (image[i] >= 1 && gradient[i] < 0);
        free[i] = !held && (!movable || movable[i]);
    }
}

// Move an image against the sum of `count` rows (of `stride` numbers) and the gradient, each times its coefficient, where it
// is free to, and by `length` times `factor`; the bounds are kept. Eight numbers at a time.
extern "C" __global__ void move(const uint4* rows, const float* coefficients, const float* gradient, const bool* free,
                                const float* image, const float* length, float* moved, int numbers, int stride, int count,
                                double factor) {
    const float far = (float)factor * (length ? *length : 1.f);
    const int eighths = (numbers + 7) / 8;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < eighths; i += gridDim.x * (long long)blockDim.x) {
        float sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int row = 0; row < count; ++row) {
            const float coefficient = coefficients[row];
            if (coefficient == 0) continue;  // a slot that does not count may hold anything
            const uint4 read = rows[(long long)row * (stride / 8) + i];
            const u32 values[4] = {read.x, read.y, read.z, read.w};
#pragma unroll
            for (int each = 0; each < 8; ++each)
                sum[each] += coefficient * __uint_as_float(values[each / 2] >> each % 2 * 16 << 16);
        }
        const float own = coefficients[count];
#pragma unroll
        for (int each = 0; each < 8; ++each) {
            const long long at = 8 * i + each;
            if (at >= numbers) break;
            const float change = free[at] ? (sum[each] + own * gradient[at]) * far : 0.f;
            const float value = image[at] - change;
            moved[at] = value < 0 ? 0.f : value > 1 ? 1.f : value;
        }
    }
}

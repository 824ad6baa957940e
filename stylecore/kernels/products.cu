// The inner products that a step of L-BFGS asks for, by the tensor cores, in one pass over the history. For GPUs from compute
// capability 8.0 on.

typedef unsigned int u32;

#define ROWS 48     // of the left: steps, gradient changes, and the gradient's three parts
#define COLUMNS 24  // of the right, which is masked: gradient changes, and the gradient's three parts
#define TALL (ROWS / 16)
#define WIDE (COLUMNS / 8)

__device__ __forceinline__ u32 shortened(float value) {
    const u32 bits = __float_as_uint(value);
    if (value != value) return 0x7fc0u;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// Of eight float32 numbers the first, second or third part in bfloat16, of three that have all of their 24 bits together.
__device__ __forceinline__ void part_of(const float* values, int number, u32* out) {
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
        out[pair] = 0;
#pragma unroll
        for (int each = 0; each < 2; ++each) {
            const float first = values[2 * pair + each], second = first - __uint_as_float(shortened(first) << 16);
            const float third = second - __uint_as_float(shortened(second) << 16);
            out[pair] |= shortened(number == 0 ? first : number == 1 ? second : third) << 16 * each;
        }
    }
}

__device__ __forceinline__ void read_eight(const uint4* rows, long long place, bool there, u32* out) {
    uint4 read;
    read.x = read.y = read.z = read.w = 0;
    if (there) read = rows[place / 8];
    out[0] = read.x, out[1] = read.y, out[2] = read.z, out[3] = read.w;
}

// Fills `sums` (warps x ROWS x COLUMNS), which add up to the products, with what each warp has found. `rows` holds `slots`
// steps and as many gradient changes, each of `numbers` bfloat16 and beginning `stride` after the one before; numbers count on
// the right where they are `free`. The order of a product's summands is free: each thread takes eight that lie together.
extern "C" __global__ void __launch_bounds__(128, 4)
    multiply(const uint4* rows, const float* gradient, const unsigned char* free, float* sums, int numbers, int stride, int slots) {
    const int lane = threadIdx.x % 32, own = lane / 4, quarter = lane % 4;
    const int warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32, warps = gridDim.x * blockDim.x / 32;
    // Which part of the gradient this thread has on either side, if one at all, and in which row.
    const int left_part = (own - 2 * slots) & 7, right_part = (own - slots) & 7;
    const int left_row = left_part < 3 ? 2 * slots + left_part : -1, right_row = right_part < 3 ? slots + right_part : -1;
    float found[TALL][WIDE][4];
    for (int i = 0; i < TALL; ++i)
        for (int j = 0; j < WIDE; ++j)
            for (int k = 0; k < 4; ++k) found[i][j][k] = 0;
    const int chunks = (numbers + 31) / 32;
    for (int chunk = warp; chunk < chunks; chunk += warps) {
        const int begin = chunk * 32 + quarter * 8;
        const bool any = begin < numbers;
        u32 left[TALL][2][4], right[WIDE][4], mask[4] = {0, 0, 0, 0};
#pragma unroll
        for (int i = 0; i < TALL; ++i)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int row = i * 16 + half * 8 + own;
                read_eight(rows, (long long)row * stride + begin, any && row < 2 * slots, left[i][half]);
            }
#pragma unroll
        for (int j = 0; j < WIDE; ++j) {
            const int row = j * 8 + own;
            read_eight(rows, (long long)(slots + row) * stride + begin, any && row < slots, right[j]);
        }
        float slope[8];
#pragma unroll
        for (int each = 0; each < 8; ++each) {
            const bool there = begin + each < numbers;
            slope[each] = there ? gradient[begin + each] : 0.f;
            if (there && free[begin + each]) mask[each / 2] |= 0xffffu << each % 2 * 16;
        }
        u32 part[4];
        if (left_row >= 0) {
            part_of(slope, left_part, part);
#pragma unroll
            for (int i = 0; i < TALL; ++i)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    if (i * 16 + half * 8 + own == left_row)
                        for (int each = 0; each < 4; ++each) left[i][half][each] = part[each];
        }
        if (right_row >= 0) part_of(slope, right_part, part);
#pragma unroll
        for (int j = 0; j < WIDE; ++j)
#pragma unroll
            for (int each = 0; each < 4; ++each)
                right[j][each] = (j * 8 + own == right_row ? part[each] : right[j][each]) & mask[each];
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int i = 0; i < TALL; ++i)
#pragma unroll
                for (int j = 0; j < WIDE; ++j)
                    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                        : "+f"(found[i][j][0]), "+f"(found[i][j][1]), "+f"(found[i][j][2]), "+f"(found[i][j][3])
                        : "r"(left[i][0][2 * half]), "r"(left[i][1][2 * half]), "r"(left[i][0][2 * half + 1]),
                          "r"(left[i][1][2 * half + 1]), "r"(right[j][2 * half]), "r"(right[j][2 * half + 1]));
    }
    for (int i = 0; i < TALL; ++i)
        for (int j = 0; j < WIDE; ++j)
            for (int k = 0; k < 4; ++k) {
                const int row = i * 16 + k / 2 * 8 + own, column = j * 8 + quarter * 2 + k % 2;
                sums[((long long)warp * ROWS + row) * COLUMNS + column] = found[i][j][k];
            }
}

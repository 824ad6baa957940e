// Max pooling of 2 x 2 windows of what ReLU has left, 1 x C x h x w in channels_last, bfloat16, C a multiple of 8.
// Eight channels at a time, which is what a thread reads at once.

typedef unsigned int u32;

__device__ __forceinline__ float number(u32 bits) { return __uint_as_float(bits << 16); }

// Halve `x` (height x width x groups of eight channels). `places` says of each channel which of its four inputs was the
// greatest: the first of them, as torch chooses; 4 where none was above 0, so that ReLU let nothing through.
extern "C" __global__ void pool_forward(const uint4* x, uint4* pooled, uint2* places, int height, int width, int groups) {
    const int rows = height / 2, columns = width / 2;
    const long long total = (long long)rows * columns * groups;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < total; i += gridDim.x * (long long)blockDim.x) {
        const long long position = i / groups;
        const int group = (int)(i % groups), row = (int)(position / columns), column = (int)(position % columns);
        u32 greatest[4] = {0, 0, 0, 0}, place[2] = {0, 0};
        float most[8];
#pragma unroll
        for (int window = 0; window < 4; ++window) {
            const long long there = ((2LL * row + window / 2) * width + 2 * column + window % 2) * groups + group;
            const uint4 read = x[there];
            const u32 values[4] = {read.x, read.y, read.z, read.w};
#pragma unroll
            for (int channel = 0; channel < 8; ++channel) {
                const int half = channel % 2 * 16;
                const u32 bits = values[channel / 2] >> half & 0xffffu;
                const float value = number(bits);
                if (window == 0 || value > most[channel] || value != value) {
                    most[channel] = value;
                    greatest[channel / 2] = (greatest[channel / 2] & ~(0xffffu << half)) | bits << half;
                    const int shift = channel % 4 * 8;
                    place[channel / 4] = (place[channel / 4] & ~(0xffu << shift)) | (u32)window << shift;
                }
            }
        }
#pragma unroll
        for (int channel = 0; channel < 8; ++channel) {
            const int shift = channel % 4 * 8;
            if (!(most[channel] > 0)) place[channel / 4] = (place[channel / 4] & ~(0xffu << shift)) | 4u << shift;
        }
        uint4 out;
        out.x = greatest[0], out.y = greatest[1], out.z = greatest[2], out.w = greatest[3];
        uint2 where;
        where.x = place[0], where.y = place[1];
        pooled[i] = out;
        places[i] = where;
    }
}

// Give each window's gradient to the input that it came from, and 0 to the others; the last row and column of an odd height
// or width, which no window has, are left as they are.
extern "C" __global__ void pool_backward(const uint4* gradient, const uint2* places, uint4* slope, int height, int width,
                                         int groups) {
    const int rows = height / 2, columns = width / 2;
    const long long total = (long long)rows * columns * groups;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < total; i += gridDim.x * (long long)blockDim.x) {
        const long long position = i / groups;
        const int group = (int)(i % groups), row = (int)(position / columns), column = (int)(position % columns);
        const uint4 read = gradient[i];
        const uint2 where = places[i];
        const u32 values[4] = {read.x, read.y, read.z, read.w}, place[2] = {where.x, where.y};
#pragma unroll
        for (int window = 0; window < 4; ++window) {
            u32 out[4] = {0, 0, 0, 0};
#pragma unroll
            for (int channel = 0; channel < 8; ++channel) {
                const int half = channel % 2 * 16;
                if ((place[channel / 4] >> channel % 4 * 8 & 0xffu) == (u32)window)
                    out[channel / 2] |= values[channel / 2] & 0xffffu << half;
            }
            uint4 result;
            result.x = out[0], result.y = out[1], result.z = out[2], result.w = out[3];
            slope[((2LL * row + window / 2) * width + 2 * column + window % 2) * groups + group] = result;
        }
    }
}

// Total variation (stylecore/objective/smoothness.py): its gradient, of 3 x height x width in float32.

__device__ __forceinline__ int within(int value, int end) { return value < 0 ? 0 : value < end ? value : end - 1; }

// The first `rows` rows are compared with their neighbours to the right and below and on both diagonals; beyond the border
// the outermost pixels go on. Differences of colour count `colours` times as much as those of lightness.
extern "C" __global__ void total_variation_slope(const float* image, const float* colours, float* gradient, int rows, int height,
                                                 int width, double share) {
    const long long plane = (long long)height * width;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < plane; i += gridDim.x * (long long)blockDim.x) {
        const int row = (int)(i / width), column = (int)(i % width);
        const float own[3] = {image[i], image[i + plane], image[i + 2 * plane]};
        float sum[3] = {0, 0, 0};
#pragma unroll
        for (int neighbour = 0; neighbour < 9; ++neighbour) {
            const int r = row + neighbour / 3 - 1, c = column + neighbour % 3 - 1;
            if (r < 0 || c < 0 || r >= height || c >= width) continue;
            const long long there = (long long)r * width + c;
            float times = 0;
#pragma unroll
            for (int way = 0; way < 4; ++way) {  // right, down, and the two diagonals
                const int by = way > 0, along = way == 1 ? 0 : way == 3 ? -1 : 1;
                const float weight = way < 2 ? 2.f / 3 : 1.f / 6;
                if (row < rows && within(row + by, height) == r && within(column + along, width) == c) times += weight;
                if (r < rows && within(r + by, height) == row && within(c + along, width) == column) times += weight;
            }
#pragma unroll
            for (int channel = 0; channel < 3; ++channel)
                sum[channel] += times * (own[channel] - image[there + channel * plane]);
        }
        const float all = (sum[0] + sum[1] + sum[2]) * (1 - *colours) / 3;
        for (int channel = 0; channel < 3; ++channel)
            gradient[i + channel * plane] = (*colours * sum[channel] + all) * (2 * (float)share);
    }
}

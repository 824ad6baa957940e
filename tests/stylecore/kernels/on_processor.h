// What the kernels take of CUDA, for a processor: one thread does all of the work.
#define ON_PROCESSOR
#include <algorithm>
#include <cmath>
#include <cstring>
#define __global__
#define __device__
#define __forceinline__ inline
struct uint4 { unsigned x, y, z, w; };
struct uint2 { unsigned x, y; };
struct float4 { float x, y, z, w; };
struct Place { int x; };
static const Place blockIdx{0}, threadIdx{0}, blockDim{1}, gridDim{1};
static inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}
template <typename Number> static Number atomicAdd(Number* sum, Number value) { return (*sum += value) - value; }
using std::min;

"""The engine's own kernels for NVIDIA's GPUs: many passes of torch's over large pictures in one, where that is what costs.

The programs (``*.cu``) are compiled on the user's machine by NVRTC, which comes with PyTorch; where that fails, or the GPU
is another one, torch's own operations do the same.
"""

"""Pictures as tensors: sizes, colours, and strips that several processes hold."""

"""All that is to be known of the engine on a GPU, in one command (:mod:`benchmarks.gpu_slot.__main__`)."""

"""The engine: pictures in, pictures out."""

import os

# Must be set before torch is first imported. By default OpenMP's threads spin while they wait for each other, and as soon
# as anything else uses a core (GIMP itself, say) each wait lasts a whole time slice: a job took over ten times as long.
# A short spin and then sleep costs 4 % on an idle machine, and beside a busy loop takes twice as long as alone, which is a
# job's share of two cores; a spin twenty times as long took four to six times (benchmarks/README.md, "Beside others").
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# So must this: torch then asks Linux for large pages. Without them a step of a whole picture of 1 to 4 megapixels takes 1.3
# to 1.4 times as long, while the system hands out and clears gigabytes. Where they do no good they are not given
# (stylecore/device/memory_budget.py).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

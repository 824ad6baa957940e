"""The engine: pictures in, pictures out."""

import os

# Must be set before torch is first imported. By default OpenMP's threads spin while they wait for each other, and as soon
# as anything else uses a core (GIMP itself, say) each wait lasts a whole time slice: a job took over ten times as long.
# A short spin and then sleep costs 4 % on an idle machine, and beside a busy loop takes twice as long as alone, which is a
# job's share of two cores; a spin twenty times as long took four to six times (benchmarks/README.md, "Beside others").
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

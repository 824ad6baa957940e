"""The engine: pictures in, pictures out."""

import os

# Must be set before torch is first imported. By default OpenMP's threads spin while they wait for each other, and as soon
# as anything else uses a core (GIMP itself, say) each wait lasts a whole time slice: a job took over ten times as long.
# A short spin and then sleep costs 3 % on an idle machine and nothing like that on a busy one (measured on two cores).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

"""The project: wiring only."""

from __future__ import annotations

import os

# One BLAS thread per process: parallelism comes from workers, and 384-wide products
# only lose to thread hand-offs. OpenBLAS reads these once, when numpy is imported.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

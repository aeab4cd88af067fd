"""How well memory works, in figures: public benchmarks and a tenant's own questions.

Data sets, metrics and baselines are pure; ``client`` and ``server`` speak to a running
platform over HTTP, as any client does. Nothing here writes to the database by itself.
"""

from __future__ import annotations

"""The only writer of memories, their versions, events, vectors and graph.

One mutation has one door: whoever knocks (API, console, pipeline, import) ends here,
in one transaction that writes head + version + event, or nothing. Call inside a tenant
scope; nothing here calls a model.
"""

from __future__ import annotations

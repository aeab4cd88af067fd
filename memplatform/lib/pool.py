"""Whether a pooled connection to PostgreSQL still has a server at its other end."""

from __future__ import annotations

import select
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool


def check_if_closed(connection: Connection[Any]) -> None:
    """Raise OperationalError when the server has ended the connection.

    An idle connection has nothing to read until its server says good-bye, so only then
    is the server asked, which costs a round trip: a tenth of a search, asked each time.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(connection)

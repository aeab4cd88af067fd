"""The call that shows that a new key works, to be pasted into a shell."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tenants.models import ApiKey
from tenants.services import IssuedKey

SOMEBODY = "ida"


def first_call(issued: IssuedKey, base_url: str) -> str:
    """A search with a key that may only read, else an add; within what it reaches."""
    is_reading = issued.key.access == ApiKey.Access.READ
    what = "search" if is_reading else "add"
    body = _search(issued.key) if is_reading else _add(issued.key)
    return " \\\n  ".join(
        [
            f"curl {base_url}/v3/memories/{what}/",
            f"-H 'Authorization: Token {issued.text}'",
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        ]
    )


def _search(key: ApiKey) -> dict[str, Any]:
    return {"query": "What animals are there?", "filters": _whose(key)}


def _add(key: ApiKey) -> dict[str, Any]:
    said = {"role": "user", "content": "I keep bees behind the barn."}
    return {**_whose(key), "messages": [said]}


def _whose(key: ApiKey) -> dict[str, str]:
    only = {"user_id": key.only_user_id, "agent_id": key.only_agent_id}
    return {name: given for name, given in only.items() if given} or {
        "user_id": SOMEBODY
    }

"""What a start says when everything is up: where, as whom, and a first try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RULE = "─" * 78
_SIGN_IN = """\
Sign in     {email}
Password    {password}
API key     {api_key}
Second key  {api_key_2}
            (another tenant: it sees nothing of the first)
"""
_HISTORY = """\
Demo        The project "Tea & Co. support" is being filled with five months of history
            in the background; it is complete in less than a minute.
"""
_EXAMPLE = """\
Try it with curl:

curl {url}/v3/memories/add/ -H 'Authorization: Token {api_key}' \\
  -H 'Content-Type: application/json' -d '{{"user_id": "max", "messages": [
    {{"role": "user", "content": "I keep bees, and I moved to Lisbon last week."}}]}}'
until curl -s {url}/v3/memories/search/ -H 'Authorization: Token {api_key}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"query": "Where does Max live?", "filters": {{"user_id": "max"}}}}' \\
  | grep Lisbon; do sleep 1; done

or with Python, nothing to install:

python3 - <<'END'
import json, time, urllib.request
def call(path, body=None):
    headers = {{"Authorization": "Token {api_key}",
               "Content-Type": "application/json"}}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request("{url}" + path, data, headers)
    return json.load(urllib.request.urlopen(request))
added = call("/v3/memories/add/", {{"user_id": "max", "messages": [
    {{"role": "user", "content": "I keep bees, and I moved to Lisbon last week."}}]}})
while call("/v1/event/" + added["event_id"] + "/")["status"] in ("PENDING", "RUNNING"):
    time.sleep(0.2)
found = call("/v3/memories/search/",
    {{"query": "Where does Max live?", "filters": {{"user_id": "max"}}}})
for memory in found["results"]: print(memory["score"], memory["memory"])
END
"""
_NO_DEMO = """
No demo credentials to show: the database is your own, or the demo is gone. Your own
tenant is made with (give these commands the same environment):

./manage.py create_operator you@example.com --generate-password
./manage.py create_tenant acme --owner you@example.com
./manage.py create_project acme Main
./manage.py create_key acme
"""


_MODELS = """\
Models      {chat} (extraction), {embedding} (embeddings)
"""
_LOCAL = """\
            No model is configured: facts are extracted by rules. Set LLM_API_KEY, or
            LLM_BASE_URL, for a language model (README, "Settings").
"""


def banner(run: Mapping[str, Any], models: Mapping[str, str]) -> str:
    """``run`` is the content of run.json and, where it is still to come, whether the
    demo's history is; ``models`` as health.configured_models."""
    has_demo = bool(run.get("api_key"))
    parts = [_SIGN_IN.format(**run), _EXAMPLE.format(**run)] if has_demo else [_NO_DEMO]
    if has_demo and run.get("history_is_to_come"):
        parts.insert(1, _HISTORY)
    console = f"Console     {run['url']}/"
    hint = _LOCAL if models["chat"] == "local" else ""
    parts.insert(0, _MODELS.format(**models) + hint)
    return "\n".join([RULE, console, *parts, "Ctrl-C stops everything.", RULE])

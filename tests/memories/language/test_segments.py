"""Words where a script writes none."""

from __future__ import annotations

from memories.language.segments import searchable


def test_pairs_of_characters_stand_for_words():
    assert searchable("我在上海。").split() == ["我在", "在上", "上海", "。"]
    assert searchable("東").split() == ["東"]


def test_the_rest_stays_as_it_is():
    assert searchable("I like tea.") == "I like tea."
    assert searchable("Ça va à Köln") == "Ça va à Köln"
    assert searchable("at 東京 today").split() == ["at", "東京", "today"]

"""What the rules read of who is related to what, and which names are mentioned."""

from __future__ import annotations

import pytest

from memories.pipeline.local.graph import read_graph

# text → what is related
SAID = [
    ("User's sister Anna lives in Rome.", [("User", "sister", "Anna"), ("Anna", "lives_in", "Rome")]),
    ("Anna is User's sister.", [("User", "sister", "Anna")]),
    ("Anna from work likes sushi.", [("User", "colleague", "Anna"), ("Anna", "likes", "sushi")]),
    ("User works at Acme.", [("User", "works_at", "Acme")]),
    ("User joined Globex.", [("User", "works_at", "Globex")]),
    ("User moved to Berlin in May.", [("User", "lives_in", "Berlin")]),
    ("User is married to Tom.", [("User", "married_to", "Tom")]),
    ("User studied at MIT.", [("User", "studied_at", "MIT")]),
    ("User was born in Lisbon.", [("User", "born_in", "Lisbon")]),
    ("User is a member of the Sierra Club.", [("User", "member_of", "Sierra Club")]),
    ("User owns a Tesla.", [("User", "owns", "Tesla")]),
    ("User speaks Spanish.", [("User", "speaks", "Spanish")]),
    ("User has lived in Rome since 2019.", [("User", "lives_in", "Rome")]),
    ("User has been working at Acme for years.", [("User", "works_at", "Acme")]),
    ("Before Anna moved to Oslo, Bob lived in Rome.", []),
    ("User's boss is Jane Miller.", [("User", "boss", "Jane Miller")]),
    ("User goes by Ally.", [("User", "also_known_as", "Ally")]),
    ("User has a dog named Rex.", [("User", "dog", "Rex")]),
    ("User no longer works at Acme.", []),  # it is denied
    ("User used to live in Lisbon.", []),  # it is over
    ("User thinks that Bob works at Acme.", []),  # it is somebody's thought
]  # fmt: skip


@pytest.mark.parametrize(("text", "edges"), SAID)
def test_it_reads_what_is_said(text, edges):
    _, relations = read_graph(text, "User")
    assert [(r.source, r.type, r.target) for r in relations] == edges


def test_other_names_are_mentions():
    entities, _ = read_graph("User takes the tram to Acme's office in May.", "User")
    assert {(e.name, e.type) for e in entities} == {
        ("User", "person"), ("Acme", "other")
    }  # fmt: skip


ONCE = [
    ("User lived in Vienna from 2015 to 2019.", [("User", "lives_in", "Vienna")]),
    ("User used to live in Graz.", [("User", "lives_in", "Graz")]),
    ("User worked as a cook at Acme until 2019.", [("User", "works_at", "Acme")]),
    ("User used to work for Acme.", [("User", "works_at", "Acme")]),
    ("User was dating Tom in 2010.", [("User", "dating", "Tom")]),
    ("User's sister Anna lived in Porto.", [("User", "sister", "Anna"), ("Anna", "lives_in", "Porto")]),
    ("User never lived in Graz.", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "edges"), ONCE)
def test_what_was_so_is_an_edge_of_its_time(text, edges):
    _, relations = read_graph(text, "User", is_bounded=True)
    assert [(r.source, r.type, r.target) for r in relations] == edges
    _, relations = read_graph(text, "User")
    assert all(r.type == "sister" for r in relations)


ABROAD = [
    ("User lives in Örebro.", [("User", "lives_in", "Örebro")]),
    ("User works at ČEZ.", [("User", "works_at", "ČEZ")]),
    ("User's sister Åsa lives in Örebro.", [("User", "sister", "Åsa"), ("Åsa", "lives_in", "Örebro")]),
    ("Łukasz works at Żabka.", [("Łukasz", "works_at", "Żabka")]),
    ("Émile moved to Évry.", [("Émile", "lives_in", "Évry")]),
    ("Олег is married to Ольга.", [("Олег", "married_to", "Ольга")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "edges"), ABROAD)
def test_a_name_begins_with_any_capital(text, edges):
    _, relations = read_graph(text, "User")
    assert [(r.source, r.type, r.target) for r in relations] == edges

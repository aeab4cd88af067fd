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


# Words in front of the subject.
SAID += [
    ("Now User lives in Oulu.", [("User", "lives_in", "Oulu")]),
    ("Luckily, Anna works at Kone.", [("Anna", "works_at", "Kone")]),
    ("Because of Anna User moved to Oulu.", [("User", "lives_in", "Oulu")]),
    ("On 9 June 2025 User started a new job at Kone.", [("User", "works_at", "Kone")]),
    ("In the week of 9 June 2025, Anna moved to Oulu.", [("Anna", "lives_in", "Oulu")]),
    ("Since May 2025 User works at Kone.", [("User", "works_at", "Kone")]),
    ("At the moment User's sister Anna lives in Oulu.", [("User", "sister", "Anna"), ("Anna", "lives_in", "Oulu")]),
    ("In Oulu User works at Kone.", [("User", "works_at", "Kone")]),
    ("Emily Clark works at Kone.", [("Emily Clark", "works_at", "Kone")]),
    ("Maybe User lives in Rome.", []),
]  # fmt: skip
# What stands beside another, and what ended.
SAID += [
    ("User also works at Kone on weekends.", [("User", "also_works_at", "Kone")]),
    ("User's ex-girlfriend Aino is a chemist.", []),
    ("User's former girlfriend Aino lives in Oulu.", [("Aino", "lives_in", "Oulu")]),
    ("User's old friend Tom lives in Oulu.", [("User", "friend", "Tom"), ("Tom", "lives_in", "Oulu")]),
    ("User's business partner Tom lives in Oulu.", [("Tom", "lives_in", "Oulu")]),
    ("Jonas also lives in Hamburg.", [("Jonas", "lives_in", "Hamburg")]),  # as she does
    ("User's dog Musti died on 2 June 2025.", []),
    ("User left Nokia in May 2025.", []),
    ("User lives in St. Petersburg.", [("User", "lives_in", "St. Petersburg")]),
]  # fmt: skip
# What is visited and liked, and who is called what.
SAID += [
    ("User visited Carmen in Cádiz.", [("User", "visited", "Cádiz")]),
    ("User went to Oulu on 9 June 2025.", [("User", "visited", "Oulu")]),
    ("User went to a Nightwish concert in Oulu.", []),
    ("User went to the Nightwish concert in Oulu.", []),
    ("User likes coffee again.", [("User", "likes", "coffee")]),
    ("User plays chess every Monday.", [("User", "plays", "chess")]),
    ("User likes Nokia phones and sauna.", [("User", "likes", "Nokia phones"), ("User", "likes", "sauna")]),
    ("User likes tea, coffee and long walks.", [("User", "likes", "tea"), ("User", "likes", "coffee"), ("User", "likes", "long walks")]),
    ("User likes chess and plays it every day.", [("User", "likes", "chess")]),
    ("User loves their dog.", [("User", "likes", "dog")]),
    ("User has a sister called Outi.", [("User", "sister", "Outi")]),
    ("User's mother's name is Ritva.", [("User", "mother", "Ritva")]),
    ("User has two brothers, Ville and Kalle.", [("User", "brother", "Ville"), ("User", "brother", "Kalle")]),
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
    # Scripts without case.
    ("User's sister 花子 lives in 東京.", [("User", "sister", "花子"), ("花子", "lives_in", "東京")]),
    ("محمد moved to دبي.", [("محمد", "lives_in", "دبي")]),
    ("User's brother กุ้ง works at ปตท.", [("User", "brother", "กุ้ง"), ("กุ้ง", "works_at", "ปตท")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "edges"), ABROAD)
def test_a_name_begins_with_any_capital(text, edges):
    _, relations = read_graph(text, "User")
    assert [(r.source, r.type, r.target) for r in relations] == edges


# text → whom and what the end of something is told of
ENDED = [
    ("Jonas and Mia split up.", {"Jonas", "Mia"}),
    ("Jonas is no longer dating Mia.", {"Jonas", "Mia"}),
    ("Nokia fired User.", {"Nokia", "User"}),
    ("Anna moved out of Turku.", {"Anna", "Turku"}),
    ("Musti died on 2 June 2025.", {"Musti"}),
]


@pytest.mark.parametrize(("text", "names"), ENDED)
def test_an_end_names_both_sides(text, names):
    entities, relations = read_graph(text, "User")
    assert {entity.name for entity in entities} == names
    assert not relations


def test_words_of_a_script_without_case_are_no_names_by_themselves():
    entities, _ = read_graph("我住在东京。我在银行工作。", "User")
    assert not entities


def test_who_is_visited_may_be_a_person():
    entities, _ = read_graph("User visited Carmen.", "User")
    assert {(e.name, e.type) for e in entities} == {
        ("User", "person"), ("Carmen", "other")
    }  # fmt: skip

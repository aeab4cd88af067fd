"""Ranking, without a database: what is fused, what is shown, what comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.retrieval.landmarks import ITSELF, sequence_shares
from memories.retrieval.query import Landmark, read_query
from memories.retrieval.rank import (
    CALIBRATIONS,
    NEUTRAL,
    SIGNALS,
    Calibration,
    Candidate,
    Gate,
    Ranking,
    Weights,
    explain,
    min_max,
    rank,
    relevance,
)
from memories.types import Aspect

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STEEP = Calibration(slope=10.0, midpoint=0.5, text_bonus=1.0)


TWO_LEGS = Weights(around=0.0, words_around=0.0)


def seen(number: int, meaning=None, words=None, **details) -> Candidate:
    return Candidate(UUID(int=number), meaning, words, **details)


def how(threshold=0.0, top_k=100, dense=1.0, text=0.5, **others) -> Ranking:
    """By meaning and words alone, unless ``weights`` says otherwise."""
    return Ranking(
        query=read_query(
            others.get("query", ""),
            others.get("people", ()),
            reference=others.get("reference"),
        ),
        weights=others.get("weights") or replace(TWO_LEGS, meaning=dense, words=text),
        calibration=STEEP,
        threshold=threshold,
        top_k=top_k,
        factors=others.get("factors") or {},
    )


def order(candidates, **asked) -> list[int]:
    return [place.memory_id.int for place in ranked(candidates, **asked)]


def ranked(candidates, **asked):
    return rank(candidates, how(**asked))


@pytest.mark.parametrize(
    ("values", "scaled"),
    [
        ([0.2, 0.7, 0.45], [0.0, 1.0, 0.5]),
        ([-1.0, 1.0], [0.0, 1.0]),
        ([0.3, 0.3], [NEUTRAL, NEUTRAL]),  # a constant column says nothing
        ([0.3], [NEUTRAL]),
        ([0.3, None, 0.5], [0.0, 0.0, 1.0]),  # not found is no better than the worst
        ([0.3, None, 0.3], [NEUTRAL, 0.0, NEUTRAL]),
        ([None, None], [0.0, 0.0]),
        ([], []),
    ],
)
def test_a_leg_is_scaled_within_the_pool(values, scaled):
    assert min_max(values) == pytest.approx(scaled)


def test_what_is_all_alike_stays_near_the_middle():
    assert min_max([0.50, 0.51], 0.1) == pytest.approx([0.45, 0.55])
    assert min_max([0.2, 0.7], 0.1) == pytest.approx([0.0, 1.0])


def test_legs_are_summed_by_weight():
    near, worded = seen(1, 0.9, 0.0), seen(2, 0.1, 0.9)
    assert order([near, worded], dense=1.0, text=0.5) == [1, 2]
    assert order([near, worded], dense=0.5, text=1.0) == [2, 1]
    (best, _) = ranked([near, worded])
    assert (best.signals["semantic"], best.signals["bm25"]) == (0.9, 0.0)
    assert best.signals["fused"] == 1.0


def test_a_leg_that_found_nothing_does_not_matter():
    assert order([seen(1, 0.4), seen(2, 0.6)], text=10.0) == [2, 1]


def test_equals_keep_one_order_however_they_come():
    same = [seen(number, 0.5, 0.5) for number in (3, 1, 2)]
    assert order(same) == order(same[::-1]) == [1, 2, 3]


def test_what_is_below_the_threshold_is_not_shown():
    pool = [seen(1, 0.9), seen(2, 0.5), seen(3, 0.1)]
    assert order(pool, threshold=0.5) == [1, 2]
    assert order(pool, threshold=0.0) == [1, 2, 3]
    assert order(pool, threshold=0.99) == []


def test_the_threshold_is_absolute_not_within_the_pool():
    """The best of a poor pool is still poor."""
    assert order([seen(1, 0.11), seen(2, 0.1)], threshold=0.3) == []


def test_no_more_than_asked_for():
    pool = [seen(number, number / 10) for number in range(10)]
    assert order(pool, top_k=3) == [9, 8, 7]


def test_the_shown_score_never_rises_down_the_list():
    """A rare word lifts a memory over one that is nearer."""
    pool = [seen(1, 0.6, 1.0), seen(2, 0.8, None), seen(3, 0.2, None)]
    places = ranked(pool, dense=0.1, text=1.0)
    assert [place.memory_id.int for place in places] == [1, 2, 3]
    scores = [place.score for place in places]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == scores[0] < relevance(pool[1], STEEP)


def test_found_words_raise_the_relevance():
    assert relevance(seen(1, 0.5), STEEP) == 0.5
    assert relevance(seen(1, 0.5, 0.5), STEEP) > 0.5
    assert relevance(seen(1, None, None), STEEP) < 0.01


# --- windows and cues (ADR 0500, 0502) ------------------------------------------------

ALONE = Weights(**dict.fromkeys(SIGNALS, 0.0))
ANN, BEA = "Ann Ode", "Bea"
MAY = datetime(2023, 5, 8, tzinfo=UTC)


def first(candidates, query="", *, people=(ANN, BEA), **weights) -> int:
    """The best by these signals alone."""
    chosen = replace(ALONE, **weights)
    return order(candidates, weights=chosen, query=query, people=people)[0]


def test_what_was_said_around_it_lifts_an_answer():
    """ "Where did you go?" "Lisbon." The answer has none of the question's words."""
    answer, chatter = seen(1, 0.2, around=0.7), seen(2, 0.3, around=0.2)
    assert first([answer, chatter], meaning=1.0) == 2
    assert first([answer, chatter], meaning=1.0, around=1.0) == 1
    worded = [seen(1, 0.2, None, words_around=0.8), seen(2, 0.3, 0.1)]
    assert first(worded, meaning=1.0, words_around=2.0) == 1


def test_what_was_learned_from_no_message_is_its_own_window():
    told, brought = seen(1, 0.4, around=0.5), seen(2, 0.6)
    assert first([told, brought], around=1.0) == 2


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("What does Bea grow?", 2),
        ("What does Ann grow?", 1),
        ("What do Ann and Bea grow?", 1),  # two are named: it says nothing
        ("What does bea grow?", 1),  # not written as a name
        ("What does Eve grow?", 1),  # nobody who speaks here
    ],
)
def test_who_is_named_comes_first(query, wanted):
    pool = [seen(1, 0.5, speaker=ANN), seen(2, 0.5, speaker=BEA)]
    assert first(pool, query, speaker=1.0) == wanted


def test_a_when_wants_a_time():
    pool = [seen(1, text="Ann moved."), seen(2, text="Ann moved last week.")]
    pool.append(seen(3, text="Ann moved.", valid_from=MAY))
    assert first(pool, "Where did Ann move?", when=1.0) == 1
    assert order(pool, query="When did Ann move?", weights=replace(ALONE, when=1.0))[
        :2
    ] == [2, 3]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("What did Ann do in May 2023?", 2),
        ("What did Ann do on 7 May 2023?", 2),  # it is told the day after
        ("What did Ann do on 6 May 2023?", 1),
        ("What did Ann do since 2022?", 2),
        ("What did Ann do before 2022?", 1),
        ("What may Ann do?", 1),
    ],
)
def test_the_time_asked_about_comes_first(query, wanted):
    then = datetime(2021, 1, 1, tzinfo=UTC)
    pool = [seen(1, said_at=then), seen(2, said_at=MAY)]
    assert first(pool, query, date=1.0) == wanted


def test_the_time_it_was_true_counts_as_well():
    then = datetime(2021, 1, 1, tzinfo=UTC)
    pool = [seen(1, said_at=then), seen(2, said_at=then, valid_from=MAY)]
    assert first(pool, "in May 2023", date=1.0) == 2


def test_when_it_was_told_counts_where_nobody_knows_when_it_was():
    """Of a plan also: it was made by then."""
    of_2019 = utc(2019, 1, 1)
    told = seen(1, 0.6, said_at=MAY, valid_from=of_2019, aspect=Aspect.EVENT)
    over = seen(2, 0.6, said_at=MAY, valid_to=of_2019, aspect=Aspect.STATE)
    meant = seen(3, 0.4, said_at=MAY, valid_from=utc(2025, 1, 1), aspect=Aspect.PLAN)
    undated = seen(4, 0.3, said_at=MAY)
    found = order([told, over, meant, undated], query="in May 2023", weights=DATES)
    assert found[:2] == [3, 4]


def test_what_held_then_is_as_good_where_that_is_asked_for():
    ill = seen(1, 0.5, text="fell ill", valid_from=utc(2022, 6, 5), aspect=Aspect.EVENT)
    home = seen(2, 0.6, text="in Rome", valid_from=utc(2020, 1, 1), aspect=Aspect.STATE)
    asked = {"weights": replace(TWO_LEGS, meaning=0.4, date=1.0)}
    assert order([ill, home], query="What was in June 2022?", **asked)[0] == 1
    assert order([ill, home], query="Where did I live in June 2022?", **asked)[0] == 2


def test_what_is_quoted_may_be_spaced_otherwise():
    pool = [seen(1, 0.6, text="a heron"), seen(2, 0.5, text="the blue  heron")]
    assert order(pool, query="Who said 'blue heron'?")[0] == 2


def test_the_first_and_the_latest_are_told_apart():
    then = datetime(2021, 1, 1, tzinfo=UTC)
    pool = [seen(1, said_at=then), seen(2, said_at=MAY), seen(3)]
    assert first(pool, "her first job", order=1.0) == 1
    assert first(pool, "her latest job", order=1.0) == 2
    assert first(pool, "her job", order=1.0) == 1  # equals keep their order


def test_of_a_long_text_the_beginning_says_when_it_was():
    """Reading 20,000 characters for days takes a tenth of a second, of each."""
    told = "She got the job in May 2019."
    pool = [
        seen(1, 0.5, text="She got the job in May 2020.", said_at=NOW),
        seen(2, 0.5, text=told + " It rained." * 99, said_at=NOW),
        seen(3, 0.5, text="It rained. " * 99 + told, said_at=NOW),
    ]
    asked = {"query": "her first job", "weights": replace(TWO_LEGS, order=1.0)}
    assert order(pool, **asked) == [2, 1, 3]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


DATES = replace(TWO_LEGS, date=1.0)


def _of_ann() -> list[Candidate]:
    """Where she lived and worked: Lyon, then Paris, since May Berlin; Acme until 2019."""
    said = {"said_at": utc(2026, 6, 1), "aspect": Aspect.STATE}
    gone = {"is_current": False, **said}
    return [
        seen(
            1,
            0.8,
            text="Ann lives in Berlin",
            valid_from=utc(2026, 5, 1),
            **said,
        ),
        seen(
            2,
            0.6,
            text="Ann lives in Paris",
            valid_from=utc(2020, 1, 1),
            valid_to=utc(2026, 5, 1),
            successor=UUID(int=1),
            **gone,
        ),
        seen(
            3,
            0.6,
            text="Ann lives in Lyon",
            valid_from=utc(2010, 1, 1),
            valid_to=utc(2020, 1, 1),
            successor=UUID(int=2),
            **gone,
        ),
        seen(4, 0.3, text="Ann likes tea", **said),
    ]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Where does Ann live?", [1, 2, 3]),
        ("Where does Ann live now?", [1]),
        ("Does Ann still live in Paris?", [1]),
        ("Where did Ann live before Berlin?", [2, 3]),
        ("Where did Ann live before moving to Paris?", [3]),
        ("Where did Ann live after Paris?", [1]),
        ("Where did Ann live after Lyon?", [2]),
        ("Where did Ann live in 2015?", [3]),
        ("Where did Ann live in June 2022?", [2]),
        ("Where did Ann live in June 2026?", [1]),
    ],
)
def test_the_question_says_which_of_several_truths(query, first):
    found = order(_of_ann(), query=query, reference=NOW)
    assert found[: len(first)] == first


def test_before_nothing_that_is_known_is_no_cue():
    assert order(_of_ann(), query="Where did Ann live before Oslo?")[0] == 1


def test_a_plan_for_a_time_is_found_by_both():
    spring = {"valid_from": utc(2026, 4, 1), "said_at": utc(2026, 1, 5)}
    plan = seen(1, 0.5, text="to paint", aspect=Aspect.PLAN, **spring)
    event = seen(2, 0.52, text="painted", aspect=Aspect.EVENT, **spring)
    later = {"valid_from": utc(2026, 8, 1), "said_at": utc(2026, 7, 1)}
    other = seen(3, 0.55, text="to sail", aspect=Aspect.PLAN, **later)
    asked = "What did I plan for last spring?"
    assert order([event, other, plan], query=asked, reference=NOW) == [1, 2, 3]


def test_what_happened_in_the_time_comes_before_what_held_all_along():
    of_then = seen(1, 0.5, text="fell ill", valid_from=utc(2022, 6, 5))
    held = seen(2, 0.6, text="drives", valid_from=utc(2020, 1, 1), aspect=Aspect.STATE)
    nothing = seen(3, 0.7, text="sings")
    weights = replace(TWO_LEGS, meaning=0.4)
    asked = {"query": "What was in June 2022?", "weights": weights}
    assert order([nothing, held, of_then], **asked) == [1, 2, 3]


def test_how_often_wants_what_recurs():
    swims = seen(1, 0.5, text="swims", recurs=True)
    assert order([seen(2, 0.52, text="dives"), swims], query="How often?")[0] == 1


def _of_jobs() -> list[Candidate]:
    """At Corvo, then at Lumen as this and as that; who is not asked for."""
    said = {"said_at": utc(2025, 1, 3), "aspect": Aspect.STATE}
    gone = {"is_current": False, **said}
    corvo = seen(1, 0.1, text="works at Corvo", valid_to=utc(2025, 5, 19), **gone)
    clerk = seen(2, 0.8, text="a clerk at Lumen", valid_from=utc(2025, 5, 19), **gone)
    lead = seen(3, 0.9, text="leads at Lumen", valid_from=utc(2025, 9, 15), **said)
    boss = seen(4, 0.1, text="reports to Marta", **said)
    ill = seen(5, 0.3, text="fell ill", valid_from=utc(2025, 7, 1), aspect=Aspect.EVENT)
    plan = seen(
        6,
        0.5,
        text="to start at Lumen",
        valid_from=utc(2025, 5, 19),
        aspect=Aspect.PLAN,
    )
    return [
        replace(corvo, successor=clerk.memory_id),
        replace(clerk, successor=lead.memory_id),
        *(lead, boss, ill, plan),
    ]


def test_before_something_is_before_the_first_that_is_told_of_it():
    """Corvo took over the relevance of the clerk; what tells of the day itself, and
    what came later, was not before it, and who was the boss by then may have been."""
    asked = {"query": "Where did she work before Lumen?", "weights": Weights()}
    assert order(_of_jobs(), **asked)[0] == 1
    assert 1 in order(_of_jobs(), threshold=0.5, **asked)
    shares = sequence_shares(_of_jobs(), Landmark("before", frozenset({"lumen"})))
    assert shares == [1.0, ITSELF, 0.0, 0.5, 0.0, 0.0]


def test_after_something_is_what_replaced_it():
    asked = {"query": "Where did she work after Corvo?", "weights": Weights()}
    assert order(_of_jobs(), **asked)[0] == 2
    shares = sequence_shares(_of_jobs(), Landmark("after", frozenset({"lumen"})))
    assert shares == [0.0] * 6


def _of_plans() -> list[Candidate]:
    told = {"said_at": utc(2026, 1, 5), "aspect": Aspect.PLAN}
    may = {"valid_from": utc(2026, 5, 1), "precision": "month"}
    month = {"valid_from": utc(2026, 11, 1), "precision": "month"}
    spring = {"valid_from": utc(2027, 4, 1), "precision": "season"}
    return [
        seen(1, 0.9, text="to move to Berlin", **may, **told),
        seen(2, 0.8, text="fell ill", said_at=utc(2026, 2, 2), aspect=Aspect.EVENT),
        seen(3, 0.5, text="to paint", **month, **told),
        seen(4, 0.4, text="to see Japan", **spring, **told),
        seen(5, 0.48, text="to sail one day", **told),
    ]


def test_what_was_so_once_stands_behind_what_is_so():
    ended = {"valid_from": utc(2019, 1, 1), "valid_to": utc(2024, 1, 1)}
    pool = [
        seen(1, 0.5, text="lived in Porto", aspect=Aspect.STATE, **ended),
        seen(2, 0.49, text="lives in Hamburg", aspect=Aspect.STATE),
        seen(3, 0.495, text="hiked in Norway", aspect=Aspect.EVENT, **ended),
    ]
    assert order(pool, query="Where does she live?", reference=NOW) == [3, 2, 1]
    assert (
        order(pool, query="Where did she use to live, before?", reference=NOW)[0] == 1
    )
    assert order(pool, query="Where does she live?", reference=utc(2020, 1, 1))[0] == 1


def test_what_may_be_stale_stands_behind_what_is_in_force():
    """But not where one looks back."""
    pool = [seen(1, 0.6, is_suspect=True), seen(2, 0.55), seen(3, 0.1)]
    assert order(pool, query="how she gets to work")[0] == 2
    assert order(pool, query="how she used to get to work")[0] == 1


def test_what_is_still_to_come_stands_before_what_is_over():
    asked = {"query": "What will she do next?", "reference": NOW}
    weights = replace(TWO_LEGS, date=0.5)
    assert order(_of_plans(), weights=weights, **asked) == [4, 3, 5, 1, 2]


def test_where_nothing_is_to_come_what_was_to_come_is_meant():
    asked = {"query": "What will she do next?", "reference": utc(2030, 1, 1)}
    assert order(_of_plans(), **asked) == [1, 2, 3, 5, 4]


FAR = st.sampled_from([at.replace(tzinfo=UTC) for at in (datetime.min, datetime.max)])


@given(
    st.lists(
        st.tuples(
            *[st.none() | st.datetimes(timezones=st.just(UTC)) | FAR] * 3,
            st.sampled_from([None, *Aspect]),
            st.sampled_from(["Berlin", "Paris", ""]),
        ),
        max_size=6,
    ),
    st.sampled_from(["before", "after"]),
)
def test_no_interval_breaks_a_sequence(times, side):
    pool = [
        seen(
            number,
            0.5,
            text=text,
            valid_from=start,
            valid_to=end,
            said_at=said,
            aspect=aspect,
        )
        for number, (start, end, said, aspect, text) in enumerate(times)
    ]
    landmark = Landmark(side, frozenset({"berlin"}))
    shares = sequence_shares(pool, landmark)
    assert all(ITSELF <= share <= 1.0 for share in shares)


def test_what_is_quoted_is_looked_for_as_it_stands():
    pool = [seen(1, text="Bees are rather kind."), seen(2, text="Ann: bees are kind!")]
    assert first(pool, 'Who said "bees are kind"?', phrase=1.0) == 2


def test_a_question_answers_nothing():
    asked, told = seen(1, 0.5, text="Is Ann well?"), seen(2, 0.5, text="Ann is well.")
    assert first([asked, told], question=-0.1) == 2
    long = seen(
        1, 0.5, text="Ann had the flu, was in bed for days, and… well?", size=13
    )
    assert first([long, told], question=-0.1) == 1


def test_an_agent_without_a_name_stands_behind_people():
    agent = seen(1, 0.5, role="agent")
    named = seen(2, 0.5, role="agent", speaker=BEA)
    assert first([agent, named], agent=-0.1) == 2
    assert first([agent, seen(3, 0.5)], agent=-0.1) == 3


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("What did you recommend for the garden?", 1),
        ("What was your advice on bees?", 1),
        ("Which of the plants you suggested are in bloom?", 1),
        ("What would you recommend for the garden?", 3),
        ("What did I recommend to you?", 3),
    ],
)
def test_an_agents_words_count_where_they_are_asked_for(query, wanted):
    pool = [seen(1, 0.5, role="agent"), seen(3, 0.5)]
    assert first(pool, query, agent=-0.1) == wanted


# --- what was superseded (ADR 9) -----------------------------------------------------


def replaced(number: int, by: int | None, cosine: float, **details) -> Candidate:
    successor = by and UUID(int=by)
    return seen(number, cosine, is_current=False, successor=successor, **details)


def test_what_was_said_before_makes_room():
    said = [
        seen(1, 0.9, text="I like green tea."),
        seen(2, 0.88, text="green tea, I like"),
        seen(3, 0.86, text="I like green tea in Oslo."),
        seen(4, 0.85, text=""),
        seen(5, 0.84, text=""),
    ]
    assert order(said, weights=replace(TWO_LEGS, words=0.0)) == [1, 3, 4, 5, 2]
    alike = replace(TWO_LEGS, words=0.0, repeat=0.0)
    assert order(said, weights=alike) == [1, 2, 3, 4, 5]


def test_a_current_fact_stands_before_what_it_replaced():
    assert order([replaced(1, 2, 0.9), seen(2, 0.2), seen(3, 0.5)]) == [2, 1, 3]


def test_it_takes_over_the_relevance_of_what_it_replaced():
    pool = [replaced(1, 2, 0.9), seen(2, 0.1)]
    assert order(pool, threshold=0.5) == [2, 1]
    assert ranked(pool)[0].score == relevance(pool[0], STEEP)


def test_it_takes_over_what_that_says_not_what_was_said_beside_it():
    """Asked about work: "lives in Lisbon" was said beside "works at Corvo"."""
    beside = {"around": 0.9, "words_around": 0.9}
    elsewhere = {"around": 0.1, "words_around": 0.0}
    lisbon = replaced(1, 2, 0.5, words=0.1, **beside)
    berlin = seen(2, 0.5, words=0.1, **elsewhere)
    halden = seen(3, 0.7, words=0.5, around=0.4, words_around=0.3)
    other = seen(4, 0.1, words=0.0, **elsewhere)
    asked = {"weights": Weights()}
    assert order([lisbon, berlin, halden, other], **asked)[:3] == [3, 2, 1]
    says_it = replace(lisbon, meaning=0.8, words=0.6)
    assert order([says_it, berlin, halden, other], **asked)[:3] == [2, 1, 3]
    assert order([replace(lisbon, successor=None), halden], **asked) == [1, 3]


def test_a_chain_is_told_from_its_end():
    pool = [replaced(1, 2, 0.9), replaced(2, 3, 0.1), seen(3, 0.1)]
    assert order(pool) == [3, 2, 1]


def test_a_successor_that_was_not_found_is_not_missed():
    assert order([replaced(1, 9, 0.9), seen(2, 0.1)]) == [1, 2]


def test_a_superseded_fact_yields_to_an_equal_current_one():
    assert order([replaced(1, None, 0.6), seen(2, 0.6), seen(3, 0.1)]) == [2, 1, 3]


def test_a_circle_of_successors_ends():
    assert sorted(order([replaced(1, 2, 0.9), replaced(2, 1, 0.8)])) == [1, 2]


# --- any pool ------------------------------------------------------------------------

LEG = st.none() | st.floats(-1, 1, allow_nan=False)
POOLS = st.lists(
    st.builds(
        Candidate,
        st.integers(1, 12).map(lambda number: UUID(int=number)),
        LEG,
        st.none() | st.floats(0, 1, allow_nan=False),
        around=LEG,
        words_around=st.none() | st.floats(0, 1, allow_nan=False),
        is_current=st.booleans(),
        successor=st.none() | st.integers(1, 12).map(lambda number: UUID(int=number)),
    ),
    unique_by=lambda candidate: candidate.memory_id,
    max_size=12,
)


@given(POOLS, st.randoms())
def test_any_pool_is_ranked_whole_once_and_the_same_way(pool, random):
    shuffled = list(pool)
    random.shuffle(shuffled)
    assert len(order(pool)) == len(set(order(pool))) == len(pool)
    scores = [place.score for place in ranked(pool)]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    is_open = [replace(candidate, successor=None) for candidate in pool]
    mixed = [replace(candidate, successor=None) for candidate in shuffled]
    assert order(is_open) == order(mixed)


@given(POOLS, st.floats(0, 1))
def test_a_threshold_only_leaves_out(pool, threshold):
    kept = order(pool, threshold=threshold)
    assert [n for n in order(pool) if n in set(kept)] == kept


@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_relevance_grows_with_the_cosine(calibration):
    curve = [relevance(seen(1, step / 10), calibration) for step in range(-10, 11)]
    assert curve == sorted(curve)
    assert curve[-1] > 0.9


# --- explained -----------------------------------------------------------------------


def explained(candidates, **asked):
    return explain(candidates, how(**asked))


@given(
    st.lists(
        st.builds(
            seen,
            st.integers(0, 50),
            st.none() | st.floats(-1, 1),
            st.none() | st.floats(0, 1),
            is_current=st.booleans(),
            successor=st.none() | st.integers(0, 50).map(lambda n: UUID(int=n)),
        ),
        unique_by=lambda c: c.memory_id,
    ),
    st.floats(0, 1),
    st.integers(1, 10),
)
def test_the_explanation_is_of_the_very_ranking(candidates, threshold, top_k):
    places = explained(candidates, threshold=threshold, top_k=top_k)
    shown = [(p.memory_id, p.score, p.fused) for p in places if p.score is not None]
    assert shown == [
        (place.memory_id, place.score, place.signals["fused"])
        for place in ranked(candidates, threshold=threshold, top_k=top_k)
    ]
    assert [place.place for place in places] == list(range(1, len(candidates) + 1))


def test_contributions_add_up_to_what_was_fused():
    decayed = {UUID(int=1): 1.5}
    for place in explained(
        [seen(1, 0.9, 0.2), seen(2, 0.5, 0.4, is_current=False), seen(3, 0.1)],
        factors=decayed,
    ):
        parts = sum(signal.contribution for signal in place.signals.values())
        assert place.fused == pytest.approx(parts * place.factor - place.penalty)


def test_what_decays_falls_even_where_doubts_outweigh_the_rest():
    only_agents = [seen(1, 0.5, role="assistant"), seen(2, 0.5, role="assistant")]
    weights = replace(TWO_LEGS, agent=-3.0)
    faded = {UUID(int=1): 0.3, UUID(int=2): 1.5}
    assert order(only_agents, factors=faded, weights=weights) == [2, 1]
    for place in explained(only_agents, factors=faded, weights=weights):
        parts = sum(signal.contribution for signal in place.signals.values())
        assert place.fused == pytest.approx(parts * place.factor - place.penalty)


def test_it_tells_what_each_leg_saw():
    first, second = explained([seen(1, 0.9), seen(2, 0.5, 0.4)])
    meaning, words = first.signals["meaning"], first.signals["words"]
    assert (meaning.place, words.place, words.value) == (1, None, None)
    assert [second.signals[n].place for n in ("meaning", "words")] == [2, 1]


def test_it_tells_why_something_is_not_shown():
    places = explained(
        [seen(1, 0.9), seen(2, 0.8), seen(3, 0.1)], threshold=0.5, top_k=1
    )
    assert [place.gate for place in places] == [
        Gate.SHOWN,
        Gate.BEYOND_TOP_K,
        Gate.BELOW_THRESHOLD,
    ]
    assert [place.score is None for place in places] == [False, True, True]


def test_it_tells_what_a_successor_was_given():
    old = replaced(1, 2, 0.6, around=0.9)
    pool = [old, seen(2, 0.1, around=0.1), seen(3, 0.9, around=0.2), seen(4, 0.3)]
    other, new, before, _ = explained(pool, weights=replace(TWO_LEGS, around=4.0))
    assert [p.memory_id.int for p in (other, new, before)] == [3, 2, 1]
    assert (other.moved, new.moved, before.moved) == (1, 1, -2)
    meaning = new.signals["meaning"]
    assert (meaning.value, meaning.scaled) == (0.1, before.signals["meaning"].scaled)
    assert new.relevance == relevance(old, STEEP) > new.own_relevance
    assert (new.penalty, before.penalty) == (0.0, 0.3)

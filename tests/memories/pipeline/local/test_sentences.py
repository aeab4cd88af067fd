from __future__ import annotations

import pytest

from memories.pipeline.local.sentences import (
    ABOUT_LISTENER,
    NOTHING_STATED,
    QUESTION,
    REACTION,
    REQUEST,
    SMALL_TALK,
    screen,
    split_sentences,
)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I ran. I slept!", ["I ran.", "I slept!"]),
        # titles, initials and times do not end a sentence
        ("Dr. Lee came at 5 p.m. today.", ["Dr. Lee came at 5 p.m. today."]),
        ("It is 3.5 km. Good.", ["It is 3.5 km.", "Good."]),
        # lines, bullets, semicolons
        ("- tea\n- coffee; milk", ["tea", "coffee", "milk"]),
        # full stops of Chinese and Japanese need no space
        ("我住在里斯本。我喜欢茶。", ["我住在里斯本。", "我喜欢茶。"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_it_splits(text, sentences):
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("What time is it?", QUESTION),
        ("Do you like tea", QUESTION),  # inverted, without a sign
        ("Hey Mel!", SMALL_TALK),  # a short form of the listener's name
        ("Thanks so much!", SMALL_TALK),
        ("Talk to you soon!", SMALL_TALK),
        ("Write me a poem about cats", REQUEST),
        ("Can you book a table", QUESTION),
        ("Please translate this", REQUEST),
        ("I'd like you to summarise this text", REQUEST),
        ("Definitely try the sushi", REQUEST),
        ("You're doing great", ABOUT_LISTENER),
        ("Your kids are lovely", ABOUT_LISTENER),
        ("I'm so happy for you", REACTION),
        ("That's really cool, Melanie!", REACTION),
        ("I'll let you know", REACTION),
        ("Totally!", SMALL_TALK),
        ("Taking care of ourselves is vital", NOTHING_STATED),  # nobody acts
        ("The colors blend nicely", NOTHING_STATED),
    ],
)
def test_it_drops(sentence, reason):
    assert screen(sentence, {"Melanie"}).drop_reason == reason


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("Yeah, I moved to Rome!", "I moved to Rome"),
        ("Thanks, Melanie! I'm a nurse", "I'm a nurse"),
        ("Please remember that my dog is called Rex.", "my dog is called Rex"),
        (
            "By the way, I told you that I quit smoking",
            "I quit smoking",
        ),
        ("Well, um, I like tea, haha 😀", "I like tea"),
        ("Thanks for the tip, I bought it", "I bought it"),
        ("I'm going, you know", "I'm going"),
        ("I was right", "I was right"),  # no trailing tag: it has no comma
    ],
)
def test_it_keeps_what_is_stated(sentence, kept):
    screened = screen(sentence, {"Melanie"})
    assert (screened.text, screened.drop_reason) == (kept, None)

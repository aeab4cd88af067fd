from __future__ import annotations

import pytest

from memories.pipeline.local.sharing import read_shared, split_captions


@pytest.mark.parametrize(
    ("said", "words", "captions"),
    [
        # what it is a picture of, without saying that it is one
        ("Look! [photo: a photo of a red van]", "Look!", ("a red van",)),
        ("[image: two dogs on a beach.]", "", ("two dogs on a beach",)),
        # between sentences, and several
        ("One [picture: a cat] two [video: a dog]", "One   two", ("a cat", "a dog")),
        # brackets that hold no caption
        ("See [1] and [photo]", "See [1] and [photo]", ()),
        ("No picture", "No picture", ()),
    ],
)
def test_captions_are_taken_out_of_the_words(said, words, captions):
    assert split_captions(said) == (words, captions)


@pytest.mark.parametrize(
    ("said", "shared"),
    [
        ("Here's a picture I took in Rome", "I shared a picture I took in Rome"),
        ("Here are my notes on Kant", "I shared my notes on Kant"),
        ("Check out my new kiln!", "I shared my new kiln!"),
        ("Take a look at this old map", "I shared this old map"),
        # a picture of which nothing is said
        ("Here's a pic!", None),
        ("Take a look at this.", None),
        ("Here is our photo together.", None),
        # nothing is shown
        ("Here's to a good year", None),
        ("I looked at the map", None),
    ],
)
def test_what_is_shown_among_people(said, shared):
    assert read_shared(said) == shared

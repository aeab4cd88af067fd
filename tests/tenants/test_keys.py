from __future__ import annotations

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memplatform.lib.errors import NotAuthenticated
from memplatform.lib.ids import new_id
from tenants import keys

TENANT = UUID("01980000-0000-7000-8000-000000000001")
LARGEST = "7n42DGM5Tflk9n8mt7Fhc7"  # 2**128 - 1 in base62


@given(st.uuids())
def test_a_key_carries_its_tenant(tenant_id):
    new = keys.generate_key(tenant_id)
    parts = keys.parse_key(new.text)
    assert (parts.tenant_id, parts.prefix) == (tenant_id, new.prefix)
    assert parts.matches(new.digest)


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    with pytest.raises(NotAuthenticated):
        keys.parse_key(text)


@given(st.data())
def test_changing_one_character_of_the_secret_is_noticed(data):
    new = keys.generate_key(TENANT)
    place = data.draw(st.integers(len(new.text) - keys.SECRET_CHARS, len(new.text) - 1))
    others = keys.ALPHABET.replace(new.text[place], "")
    changed = (
        new.text[:place] + data.draw(st.sampled_from(others)) + new.text[place + 1 :]
    )
    assert not keys.parse_key(changed).matches(new.digest)


def test_the_shape():
    kind, tenant, prefix, secret = keys.generate_key(TENANT).text.split("_")
    assert (kind, len(tenant), len(prefix), len(secret)) == ("mp", 22, 8, 43)
    assert set(tenant + prefix + secret) <= set(string.ascii_letters + string.digits)


def test_two_keys_differ_in_prefix_and_secret():
    made = [keys.generate_key(TENANT) for _ in range(50)]
    assert len({key.prefix for key in made}) == len({key.digest for key in made}) == 50


def test_the_digest_says_nothing_of_the_secret():
    new = keys.generate_key(TENANT)
    assert len(new.digest) == 64
    assert new.text.rpartition("_")[2] not in new.digest


def good():
    return keys.generate_key(TENANT).text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: key.upper(),
        lambda key: key.replace("mp_", "m0-"),
        lambda key: key.replace("mp_", "mpi_"),
        lambda key: key.replace("_", "-"),
        lambda key: key[:-1] + "é",
        lambda key: key[:-1] + "٣",  # a digit, but not one of ours
        lambda key: key[:-1] + "\0",
        lambda key: key.replace(key[3:25], "z" * 22),  # a tenant beyond 128 bits
    ],
)
def test_only_the_exact_shape_is_taken(spoil):
    with pytest.raises(NotAuthenticated):
        keys.parse_key(spoil(good()))


def test_the_largest_tenant_fits():
    text = good().replace(good()[3:25], LARGEST)
    assert keys.parse_key(text).tenant_id.int == 2**128 - 1


def test_a_secret_is_compared_in_constant_time():
    """``hmac.compare_digest`` takes ASCII only, where ``==`` would just say no."""
    with pytest.raises(TypeError, match="ASCII"):
        keys.parse_key(good()).matches("é")


def test_an_invitation_is_no_api_key():
    token = keys.generate_key(new_id(), kind=keys.INVITATION).text
    assert keys.parse_key(token, kind=keys.INVITATION)
    with pytest.raises(NotAuthenticated):
        keys.parse_key(token)

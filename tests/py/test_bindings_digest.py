"""The hashes, against Python's own BLAKE2b."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster import digest

KEY = bytes(range(32))


@given(st.binary(max_size=600))
def test_blake2b_256_is_the_one_of_the_standard(data: bytes) -> None:
    assert digest.blake2b_256(data) == hashlib.blake2b(data, digest_size=32).digest()


@given(st.binary(max_size=600), st.binary(min_size=32, max_size=32))
def test_keyed_blake2b_256_is_the_one_of_the_standard(data: bytes, key: bytes) -> None:
    expected = hashlib.blake2b(data, digest_size=32, key=key).digest()
    assert digest.blake2b_256_keyed(key, data) == expected


def test_a_link_of_a_chain_covers_the_one_before() -> None:
    first = digest.chain(bytes(32), b"one")
    assert digest.chain(first, b"two") == digest.blake2b_256(first + b"two")


@given(st.lists(st.binary(max_size=40), max_size=12), st.randoms())
def test_a_multiset_hash_does_not_depend_on_the_order(elements: list[bytes], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = elements.copy()
    random.shuffle(shuffled)
    one, other = digest.MultisetHash(KEY), digest.MultisetHash(KEY)
    for element in elements:
        one.add(element)
    for element in shuffled:
        other.add(element)
    assert one == other
    assert one.root(7) == other.root(7)
    assert len(one) == len(elements)


def test_removing_an_element_gives_the_hash_from_before() -> None:
    hash_ = digest.MultisetHash(KEY)
    hash_.add(b"stays")
    before = hash_.root(1)
    hash_.add(b"goes")
    assert hash_.root(1) != before
    hash_.remove(b"goes")
    assert hash_.root(1) == before


def test_an_element_twice_is_not_an_element_once() -> None:
    once, twice = digest.MultisetHash(KEY), digest.MultisetHash(KEY)
    once.add(b"x")
    twice.add(b"x")
    twice.add(b"x")
    assert once != twice


def test_the_same_elements_have_another_root_at_another_index() -> None:
    hash_ = digest.MultisetHash(KEY)
    assert hash_.root(1) != hash_.root(2)


def test_the_same_elements_have_another_root_under_another_key() -> None:
    assert digest.MultisetHash(KEY).root(1) != digest.MultisetHash(bytes(32)).root(1)


def test_nothing_can_be_removed_from_an_empty_multiset() -> None:
    with pytest.raises(ValueError, match="empty"):
        digest.MultisetHash(KEY).remove(b"x")


def test_a_key_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 32 bytes, got 3"):
        digest.MultisetHash(b"abc")


def test_text_is_no_bytes() -> None:
    with pytest.raises(TypeError):
        digest.blake2b_256("text")  # type: ignore[arg-type]

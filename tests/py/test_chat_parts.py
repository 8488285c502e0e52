"""The parts of the chat that need no cluster."""

import asyncio
import os

import pytest

from kvcluster.chat.lines import lines_of
from kvcluster.chat.message import (
    LONGEST_TEXT,
    Delivery,
    Forgotten,
    client_id,
    delivery_of,
    fields_of,
    room_key,
)
from kvcluster.chat.order import Order
from kvcluster.chat.standing import Standing, status_line
from kvcluster.chat.terminal import colour_of, styled
from kvcluster.directory import HomeDirectory, directory_of
from kvcluster.replies import StreamEntry


def entry(seq: int, text: str = "Hello", sender: str = "9999") -> StreamEntry:
    return StreamEntry(seq, {b"from": sender.encode(), b"text": text.encode()})


def test_a_delivery_is_shown_with_its_number_and_its_sender() -> None:
    assert delivery_of(entry(1)).line == "[seq=1] node_9999: Hello"


def test_colours_change_nothing_of_the_words() -> None:
    delivery = Delivery(7, "101", "as it is")
    assert "".join(part[1] for part in styled(delivery)) == delivery.line
    assert "".join(part[1] for part in styled(Forgotten(1, 3))) == Forgotten(1, 3).line
    assert colour_of("101") == colour_of("101")


@pytest.mark.parametrize("text", ["\x1b[2J", "bell\a", "a\nb", "a\u2028b", "\u202eevil", "\x9b1m"])
def test_nothing_that_is_said_reaches_a_terminal_as_a_command(text: str) -> None:
    line = delivery_of(entry(1, text)).line
    assert "\ufffd" in line
    assert not set(line) & set("\x1b\a\n\x9b\u2028\u202e")


def test_letters_of_all_languages_and_joined_signs_are_shown_as_they_are() -> None:
    text = "Grüße, 你好, שלום, 👩\u200d💻"
    assert delivery_of(entry(1, text)).text == text


def test_what_others_put_into_the_stream_is_shown_all_the_same() -> None:
    assert delivery_of(StreamEntry(2, {b"n": b"1"})).line == "[seq=2] node_unknown: "
    assert delivery_of(StreamEntry(3, {b"text": b"\xff"})).text == "\ufffd"


def test_a_message_is_one_line_of_bounded_length() -> None:
    assert fields_of("101", "  hi  ") == ("from", "101", "text", "hi")
    assert len(fields_of("101", "x" * LONGEST_TEXT)[3]) == LONGEST_TEXT
    with pytest.raises(ValueError, match="at most 4000 characters, not 4001"):
        fields_of("101", "x" * (LONGEST_TEXT + 1))
    with pytest.raises(ValueError, match="empty"):
        fields_of("101", " \t ")


@pytest.mark.parametrize("name", ["", " x", "a\nb", "x" * 101, "\x1b"])
def test_a_room_needs_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(ValueError, match="a room has a name"):
        room_key(name)


def test_a_room_is_a_stream_of_its_own() -> None:
    assert room_key("lobby") == "chat:lobby"
    assert room_key("Lobby") != room_key("lobby")


@pytest.mark.parametrize("name", ["", "a b", "x" * 33, "é", "a:b"])
def test_a_client_id_is_a_plain_word(name: str) -> None:
    with pytest.raises(ValueError, match="a client id has"):
        client_id(name)
    assert client_id("9999") == "9999"


def test_each_message_is_taken_once_and_in_its_place() -> None:
    order = Order()
    taken = list(order.take([entry(1), entry(2)]))
    taken += order.take([entry(1), entry(2), entry(3)])
    assert [delivery.seq for delivery in taken if isinstance(delivery, Delivery)] == [1, 2, 3]
    assert order.last == 3


def test_a_gap_is_told_before_what_comes_after_it() -> None:
    order = Order(last=2)
    assert list(order.take([entry(6)])) == [Forgotten(3, 5), delivery_of(entry(6))]


def test_the_status_line_says_where_who_and_what_waits() -> None:
    standing = Standing(node=1, leader=3, term=2)
    assert status_line("lobby", "127.0.0.1:5001", standing, last=7, waiting=0) == (
        "room lobby | node 1 at 127.0.0.1:5001 | leader node 3, term 2 | seq 7"
    )
    assert "no leader, term 4" in status_line(
        "lobby", "h:1", Standing(node=1, leader=0, term=4), last=0, waiting=0
    )
    silent = status_line("lobby", "h:1", None, last=0, waiting=2)
    assert "h:1 does not answer" in silent
    assert "2 waiting to be stored" in silent


def test_a_client_with_a_home_stays_there_until_it_fails() -> None:
    directory = HomeDirectory(["a:1", "b:2", "c:3"], "b:2")
    assert directory.choose(None) == ("b", 2)
    directory.failed(("a", 1))
    assert directory.choose(None) == ("b", 2), "what others do is nothing to it"
    directory.failed(("b", 2))
    assert directory.choose(None) in [("a", 1), ("c", 3)]
    assert directory.leader == directory.choose(None), "and it stays there"


def test_a_client_with_a_home_and_no_other_node_tries_it_again() -> None:
    directory = HomeDirectory(["a:1"], "a:1")
    directory.failed(("a", 1))
    assert directory.choose(("a", 1)) == ("a", 1)


def test_a_home_that_names_the_leader_is_left_for_it() -> None:
    directory = directory_of(["a:1"], "a:1")
    directory.follow(("c", 3))
    assert directory.choose(None) == ("c", 3)


async def test_lines_come_from_a_pipe_as_they_are_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "wb", buffering=0) as pipe:
        lines = lines_of(reading)
        pipe.write(b"one\ntw")
        assert await asyncio.wait_for(anext(lines), 20) == "one"
        pipe.write(b"o\nthree")
        assert await asyncio.wait_for(anext(lines), 20) == "two"
        pipe.close()
        assert [line async for line in lines] == ["three"]

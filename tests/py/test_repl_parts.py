"""The parts of the shell that need no cluster: words, hints, replies."""

import pytest

from kvcluster.repl.book import Book, read_book
from kvcluster.repl.cluster_verbs import CLUSTER_VERBS, groups_of, node_of
from kvcluster.repl.render import quoted, shown, shown_each
from kvcluster.repl.syntax import SYNTAX, arguments_of, hint, items
from kvcluster.repl.verbs import VERBS
from kvcluster.repl.words import parse, split
from kvcluster.retry import ErrorReply


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  get   k ", [b"get", b"k"]),
        ('set k "a b"', [b"set", b"k", b"a b"]),
        ("set k 'a b'", [b"set", b"k", b"a b"]),
        ('set k ""', [b"set", b"k", b""]),
        (r'set k "\x00\xff\n\t\"\\"', [b"set", b"k", b'\x00\xff\n\t"\\']),
        (r'set k "\xZZ"', [b"set", b"k", b"xZZ"]),
        (r"set k 'it\'s \n'", [b"set", b"k", rb"it's \n"]),
        ("set k Grüße", [b"set", b"k", "Grüße".encode()]),
        ('SET p {"name": "Ada", "n": [1, 2]}', [b"SET", b"p", b'{"name": "Ada", "n": [1, 2]}']),
        ('SET p {"a": {"b": null}} NX', [b"SET", b"p", b'{"a": {"b": null}}', b"NX"]),
        ('SET p [1, "two", 3]', [b"SET", b"p", b'[1, "two", 3]']),
        ("KV.RANGE [a [b", [b"KV.RANGE", b"[a", b"[b"]),
        ("SET p {not json", [b"SET", b"p", b"{not", b"json"]),
        ("SET p " + "[" * 100_000, [b"SET", b"p", b"[" * 100_000]),
    ],
)
def test_a_line_is_split_into_words(line: str, words: list[bytes]) -> None:
    assert split(line) == words


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('set k "a b', "quote at column 7 is not closed"),
        ("set 'k", "quote at column 5 is not closed"),
        ('set "k"v', "after the quote at column 7 a blank must follow"),
    ],
)
def test_a_quote_that_makes_no_word_is_refused(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        split(line)


def test_a_line_that_is_still_being_typed_has_its_words() -> None:
    assert [word.value for word in parse('set k "a b')] == [b"set", b"k", b"a b"]


def test_what_is_shown_in_quotes_can_be_typed_again() -> None:
    value = bytes(range(256)) + "Grüße, \u2028 and \U0001f600".encode()
    assert split(quoted(value)) == [value]


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("GET", [], "key"),
        ("GET", ["k"], ""),
        ("MSET", ["a", "1"], "[key value ...]"),
        ("MSET", ["a", "1", "b"], "value [key value ...]"),
        ("MSET", ["a", "1", "b", "2"], "[key value ...]"),
        ("DEL", ["a", "b", "c"], "[key ...]"),
        ("EXPIRE", ["k", "10"], "[NX|XX|GT|LT]"),
        ("KV.RANGE", ["a", "b", "LIMIT"], "count"),
        ("KV.RANGE", ["a", "b", "limit", "3"], ""),
        ("SCAN", ["0", "COUNT", "5"], "[MATCH pattern] [TYPE type]"),
        ("SET", ["k", "v", "EX", "10", "NX"], "[GET]"),
        ("AUTH", ["pw"], ""),
        ("PING", ["hello"], ""),
        ("XADD", ["s", "MAXLEN", "10", "*"], "field value [field value ...]"),
        ("XADD", ["s", "*", "f", "v"], "[field value ...]"),
        ("XREAD", ["BLOCK", "0"], "[COUNT count] STREAMS key [key ...] id [id ...]"),
        ("XREAD", ["COUNT", "5", "STREAMS"], "key [key ...] id [id ...]"),
    ],
)
def test_the_hint_is_what_may_still_come(command: str, arguments: list[str], expected: str) -> None:
    assert hint(SYNTAX[command], arguments) == expected


def test_a_command_without_an_entry_has_a_hint_from_its_arity() -> None:
    assert arguments_of(3, 1) == "key argument"
    assert arguments_of(-2, 1) == "key [argument ...]"
    assert arguments_of(1, 0) == ""


def test_every_syntax_can_be_read() -> None:
    for syntax in [*SYNTAX.values(), *(verb.syntax for verb in (*VERBS, *CLUSTER_VERBS))]:
        assert " ".join(item.text for item in items(syntax)) == syntax
        assert all(item.text for item in items(syntax))


@pytest.mark.parametrize(
    ("reply", "words", "expected"),
    [
        (None, ["GET", "k"], "(nil)"),
        (b"hello", ["GET", "k"], '"hello"'),
        (b"OK", ["SET", "k", "v"], "OK"),
        (b"OK", ["GET", "k"], '"OK"'),
        (b"PONG", ["PING"], "PONG"),
        (b"string", ["TYPE", "k"], "string"),
        (7, ["INCR", "k"], "(integer) 7"),
        (True, ["KV.STATUS"], "(true)"),
        (1.5, ["X"], "(double) 1.5"),
        (ErrorReply("ERR no"), ["X"], "(error) ERR no"),
        ([], ["KEYS", "*"], "(empty array)"),
        ({}, ["X"], "(empty hash)"),
        ([b"a", [1, None]], ["X"], '1) "a"\n2) 1) (integer) 1\n   2) (nil)'),
        ({b"n": 1, b"m": 2}, ["X"], '1# "n" => (integer) 1\n2# "m" => (integer) 2'),
        ({b"m": {b"x": b"y"}}, ["X"], '1# "m" => \n      1# "x" => "y"'),
        ([b"x"] * 10, ["X"], "\n".join(f'{number:>2}) "x"' for number in range(1, 11))),
        (b"# Server\r\na:1\r\n", ["INFO"], "# Server\na:1"),
        (b"a b\n", ["cluster", "nodes"], "a b"),
    ],
)
def test_replies_are_shown_as_redis_cli_does(
    reply: object, words: list[str], expected: str
) -> None:
    assert shown(reply, words).plain == expected


def test_replies_of_a_transaction_are_shown_as_those_of_its_commands() -> None:
    replies = [b"OK", b"OK", ErrorReply("ERR x")]
    text = shown_each(replies, [["SET", "k", "OK"], ["GET", "k"], ["INCR", "k"]])
    assert text.plain == '1) OK\n2) "OK"\n3) (error) ERR x'


def test_replies_have_colours() -> None:
    for reply in (None, b"v", 1, [1], {b"a": 1}, ErrorReply("ERR")):
        assert shown(reply, ["X"]).spans or shown(reply, ["X"]).style


def test_the_book_is_read_from_what_a_node_tells() -> None:
    def ask(*words: str) -> object:
        if words == ("COMMAND", "DOCS"):
            return {b"get": {b"summary": b"The value.", b"group": b"string"}}
        return [
            [b"get", 2, [b"readonly"], 1, 1, 1, [], [], [], []],
            [b"mset", -3, [b"write"], 1, -1, 2, [], [], [], []],
            [b"strange", -2, [b"stale"], 0, 0, 0, [], [], [], []],
        ]

    book = read_book(ask)
    get, mset, strange = (book.find(name) for name in ("Get", "mset", "STRANGE"))
    assert get is not None and mset is not None and strange is not None
    assert (get.summary, get.group, get.is_write) == ("The value.", "string", False)
    assert [mset.is_key(place) for place in (1, 2, 3, 4)] == [True, False, True, False]
    assert [get.is_key(place) for place in (1, 2)] == [True, False]
    assert strange.is_local and strange.syntax == "argument [argument ...]"
    assert Book().find("get") is None


class Nodes:
    """As much of a cluster as naming its nodes takes."""

    ids = (1, 2, 3)

    def __init__(self, leader: int | None = None) -> None:
        self._leader = leader

    def leader(self) -> int | None:
        return self._leader


def test_nodes_are_named_by_id_or_as_leader() -> None:
    assert node_of(Nodes(), "2") == 2
    assert node_of(Nodes(leader=3), "leader") == 3
    with pytest.raises(ValueError, match="there is no node 4; there are 1, 2, 3"):
        node_of(Nodes(), "4")
    with pytest.raises(ValueError, match="no node leads"):
        node_of(Nodes(), "leader")


@pytest.mark.parametrize("words", ["1 | 2 3", "1|2 3", "leader | 2 3"])
def test_a_partition_names_its_sides(words: str) -> None:
    assert groups_of(Nodes(leader=1), words.split(" ")) == [[1], [2, 3]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("1 2 3", "two sides"),
        ("1 |", "two sides"),
        ("1 | 2", "on which side is node 3"),
        ("1 | 1 2 3", "on one side"),
        ("1 | 2 9", "there is no node 9"),
    ],
)
def test_a_partition_that_makes_no_sense_is_refused(words: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        groups_of(Nodes(), words.split(" "))

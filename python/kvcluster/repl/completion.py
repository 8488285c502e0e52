"""What may come next in the line that is being typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from kvcluster.repl.shell import Shell
from kvcluster.repl.syntax import hint, remaining
from kvcluster.repl.words import parse

_KEYS_SHOWN = 20


def _typed(line: str) -> tuple[list[str], str]:
    """The words that are finished, and the one at the cursor."""
    words = [word.value.decode("utf-8", "replace") for word in parse(line)]
    if not words or line[-1].isspace():
        return words, ""
    return words[:-1], words[-1]


def hint_of(shell: Shell, line: str) -> str:
    """The arguments that may still come, as they are shown behind the cursor."""
    words = [word.value.decode("utf-8", "replace") for word in parse(line)]
    told = _rest(shell, words[0], words[1:]) if words else ""
    return " " + told if told and not line[-1].isspace() else told


def _rest(shell: Shell, name: str, arguments: list[str]) -> str:
    verb = shell.verbs.get(name)
    if verb is not None:
        return hint(verb.syntax, arguments)
    entry = shell.route.book.find(name)
    if entry is None:
        return ""
    if entry.name == "KV.ONCE" and len(arguments) > 2:
        return _rest(shell, arguments[2], arguments[3:])
    return hint(entry.syntax, arguments)


def summary_of(shell: Shell, line: str) -> str:
    """What the command or verb in the line does; empty: it has none yet."""
    words, current = _typed(line)
    name = words[0] if words else current
    verb, entry = shell.verbs.get(name), shell.route.book.find(name)
    if verb is not None:
        return f"{verb.name}: {verb.summary}"
    return f"{entry.name}: {entry.summary}" if entry is not None else ""


class ShellCompleter(Completer):
    """Verbs and commands, then their choices, options and the keys that were typed before."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        words, current = _typed(document.text_before_cursor)
        if not words:
            yield from self._names(current)
            return
        seen = set()
        for word in self._arguments(words):
            if word not in seen and word.upper().startswith(current.upper()) and word != current:
                seen.add(word)
                yield Completion(word, start_position=-len(current))

    def _names(self, current: str) -> Iterator[Completion]:
        for verb in self._shell.verbs.values():
            if verb.name.startswith(current):
                yield self._name(verb.name, current, verb.summary)
        small = current != "" and current == current.lower()
        for name in self._shell.route.book.names:
            if name.startswith(current.upper()) and name.lower() not in self._shell.verbs:
                entry = self._shell.route.book.entries[name]
                yield self._name(name.lower() if small else name, current, entry.summary)

    @staticmethod
    def _name(name: str, current: str, summary: str) -> Completion:
        return Completion(name, start_position=-len(current), display_meta=summary)

    def _arguments(self, words: list[str]) -> Iterable[str]:
        name, *arguments = words
        verb = self._shell.verbs.get(name)
        if verb is not None:
            return verb.choices(self._shell, arguments)
        entry = self._shell.route.book.find(name)
        if entry is None:
            return ()
        found = []
        for piece in remaining(entry.syntax, arguments):
            found += piece.keywords
            if not piece.is_optional:
                break
        if entry.is_key(len(arguments) + 1):
            found += list(reversed(self._shell.keys))[:_KEYS_SHOWN]
        return found

"""The shell before a terminal, and the shell that reads its lines from a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History
from prompt_toolkit.input import Input
from prompt_toolkit.layout.processors import AfterInput
from prompt_toolkit.output import Output

from kvcluster.repl.completion import ShellCompleter, hint_of, summary_of
from kvcluster.repl.shell import Shell
from kvcluster.repl.verbs import Leave

_IDLE = "Tab completes, Ctrl-R searches, help lists, Ctrl-C drops the line, Ctrl-D ends"
_WITH_PASSWORDS = ("auth ", "hello ")


def history_file() -> Path:
    """Where lines are kept: `kvcluster/history` in `$XDG_STATE_HOME`, or in `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "kvcluster" / "history"


class LineHistory(FileHistory):
    """A file that only its owner reads, and that holds no passwords."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        super().__init__(str(file))

    def store_string(self, string: str) -> None:
        if not string.lstrip().lower().startswith(_WITH_PASSWORDS):
            super().store_string(string)


def new_session(
    shell: Shell,
    history: History,
    *,
    terminal_input: Input | None = None,
    terminal_output: Output | None = None,
) -> PromptSession[str]:
    """The line editor; without input and output that of the process's terminal."""

    def hint() -> StyleAndTextTuples:
        document = get_app().current_buffer.document
        if get_app().is_done or not document.is_cursor_at_the_end:
            return []
        return [("fg:ansibrightblack", hint_of(shell, document.text))]

    def toolbar() -> StyleAndTextTuples:
        return [("", summary_of(shell, get_app().current_buffer.text) or _IDLE)]

    return PromptSession(
        history=history,
        completer=ShellCompleter(shell),
        complete_while_typing=False,
        enable_history_search=True,
        input_processors=[AfterInput(hint)],
        bottom_toolbar=toolbar,
        input=terminal_input,
        output=terminal_output,
    )


def interact(shell: Shell, session: PromptSession[str]) -> None:
    """Until Ctrl-D, `exit` or `quit`."""
    shell.greet()
    while True:
        try:
            line = session.prompt([("bold", shell.prompt)])
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        try:
            shell.run(line)
        except KeyboardInterrupt:
            shell.interrupted()
        except Leave:
            return


def run_lines(shell: Shell, lines: Iterable[str]) -> bool:
    """Carries out lines that nobody types; whether all went well. `#` begins a comment."""
    well = True
    for line in lines:
        if line.lstrip().startswith("#"):
            continue
        try:
            well = shell.run(line) and well
        except Leave:
            break
    return well

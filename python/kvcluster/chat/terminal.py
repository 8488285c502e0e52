"""The chat before a terminal: messages above, the line that is typed below, a status line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import print_formatted_text

from kvcluster.chat.message import Delivery, Forgotten
from kvcluster.chat.verbs import Leave, carry_out
from kvcluster.chat.visit import Visit

_REDRAW_SECONDS = 0.5
_COLOURS = ("ansicyan", "ansigreen", "ansiyellow", "ansimagenta", "ansiblue", "ansibrightred")


def colour_of(sender: str) -> str:
    """The same one for the same sender on every terminal."""
    return _COLOURS[sum(sender.encode()) % len(_COLOURS)]


def styled(delivery: Delivery | Forgotten) -> FormattedText:
    """The line of a delivery in colours; without them it is `delivery.line`."""
    if isinstance(delivery, Forgotten):
        return FormattedText([("fg:ansiyellow", delivery.line)])
    return FormattedText(
        [
            ("fg:ansibrightblack", f"[seq={delivery.seq}] "),
            (f"bold fg:{colour_of(delivery.sender)}", f"node_{delivery.sender}"),
            ("", f": {delivery.text}"),
        ]
    )


def show(delivery: Delivery | Forgotten) -> None:
    """Above the line that is typed."""
    print_formatted_text(styled(delivery))


def tell(words: str) -> None:
    """A note beside the messages."""
    print_formatted_text(FormattedText([("fg:ansibrightblack", f"* {words}")]))


def new_session(
    visit: Visit, *, terminal_input: Input | None = None, terminal_output: Output | None = None
) -> PromptSession[str]:
    """The line editor; without input and output that of the process's terminal."""
    return PromptSession(
        history=InMemoryHistory(),
        bottom_toolbar=lambda: FormattedText([("", visit.status_line)]),
        refresh_interval=_REDRAW_SECONDS,
        erase_when_done=True,  # what was said comes back as a delivery
        input=terminal_input,
        output=terminal_output,
    )


async def interact(
    visit: Visit, session: PromptSession[str], note: Callable[[str], None] = tell
) -> None:
    """Until Ctrl-D, Ctrl-C on an empty line, or `/quit`; what was said is stored before it ends."""
    said: asyncio.Queue[str | None] = asyncio.Queue()
    with patch_stdout():
        typing = asyncio.create_task(_type(visit, session, said, note))
        try:
            while (line := await said.get()) is not None:
                await carry_out(visit, line, note)
            await typing
        except Leave:
            return
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)


async def _type(
    visit: Visit,
    session: PromptSession[str],
    said: asyncio.Queue[str | None],
    note: Callable[[str], None],
) -> None:
    """Puts the lines that are typed; None at the end."""
    try:
        while True:
            try:
                await said.put(await session.prompt_async("> "))
            except KeyboardInterrupt:
                if not session.default_buffer.text:
                    return
            except EOFError:
                return
    finally:
        if visit.room.waiting or not said.empty():
            note("what was said is still being stored; Ctrl-C gives it up")
        said.put_nowait(None)

"""Log tables: which entry stands where on which server, as in the figures of the Raft papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kvcluster.pictures.picture import INK, PALE, Picture, finish, new_figure, term_colour
from kvcluster.raft import Bench, Core, Entry, EntryKind
from kvcluster.wal import Wal

Label = Callable[[Entry], str]
_LABEL_CHARACTERS_MAX = 9
_TITLE_INCHES = 0.078  # a character


@dataclass(frozen=True, slots=True)
class LogRow:
    """The log of one server.

    Attributes:
        name: as it is written beside the row.
        entries: from the oldest one held to the newest.
        commit_index: entries up to here are committed, as far as this server knows.
        durable_index: entries up to here are on its disk.
    """

    name: str
    entries: Sequence[Entry]
    commit_index: int
    durable_index: int


def label_of(entry: Entry) -> str:
    """What the entry is: its payload when that is short text, else its kind."""
    if entry.kind is not EntryKind.COMMAND:
        return entry.kind.name.lower().replace("configuration", "members")
    text = entry.payload.decode("ascii", "replace")
    return text if len(text) <= _LABEL_CHARACTERS_MAX and text.isprintable() else "command"


def logs_of_bench(bench: Bench) -> list[LogRow]:
    """The logs of all servers of a `kvcluster.raft.Bench` as they are now."""
    return [_row_of_core(server, core) for server, core in bench.cores.items()]


def _row_of_core(server: int, core: Core) -> LogRow:
    status = core.status()
    indices = range(status.first_index, status.last_log.index + 1)
    entries = [entry for index in indices if (entry := core.entry(index)) is not None]
    name = f"server {server}\n{status.role.name.lower().replace('_', '-')}, term {status.term}"
    return LogRow(name, entries, status.commit_index, status.durable_index)


def log_of_directory(directory: Path | str, *, node: int, incarnation: bytes) -> LogRow:
    """What a node has on its disk. The node must have ended, and the directory is held meanwhile.

    Args:
        directory: its data directory.
        node: its id.
        incarnation: the 16 bytes that name the directory's making; `KV.STATUS` shows them in hex.

    Raises:
        Unavailable: the node still runs.
        StorageError, Corruption: as `Wal.open`.
    """
    with Wal.open(directory, node=node, incarnation=incarnation) as wal:
        recovered = wal.recovered
        state = recovered.hard_state
        name = f"node {node}\nterm {state.current_term}"
        return LogRow(name, recovered.entries, state.commit_index, wal.last.index)


def plot_logs(
    rows: Iterable[LogRow],
    *,
    title: str = "",
    columns: range | None = None,
    label: Label = label_of,
) -> Picture:
    """A row a server, a column an index; the colour is the entry's term.

    A thick frame is round what the server knows to be committed; pale and dashed is what is not on
    its disk yet.

    Args:
        rows: the servers, in order.
        title: a line above.
        columns: which indices to show; None: all that there are.
        label: what to write into an entry's cell, under its term.
    """
    logs = list(rows)
    if columns is None:
        newest = max((row.entries[-1].index for row in logs if row.entries), default=1)
        columns = range(
            min((row.entries[0].index for row in logs if row.entries), default=1), newest + 1
        )
    width = max(1.8 + 0.72 * len(columns), 1.4 + _TITLE_INCHES * len(title))
    figure, axes = new_figure(width, 0.75 + 0.62 * len(logs))
    for number, row in enumerate(logs):
        for entry in row.entries:
            if entry.index in columns:
                _draw_entry(axes[0], entry, number, row, label)
    axes[0].set_title(title, loc="left", fontsize=10)
    axes[0].set_xlim(columns.start - 0.55, columns.stop - 0.4)
    axes[0].set_ylim(len(logs) - 0.4, -0.6)
    axes[0].set_xticks(columns)
    axes[0].set_yticks(range(len(logs)), [row.name for row in logs])
    axes[0].tick_params(length=0, labelsize=7)
    axes[0].set_xlabel("index", fontsize=7)
    for spine in axes[0].spines.values():
        spine.set_visible(False)
    return finish(figure)


def _draw_entry(axes: Any, entry: Entry, row_number: int, row: LogRow, label: Label) -> None:
    from matplotlib.patches import Rectangle

    committed = entry.index <= row.commit_index
    durable = entry.index <= row.durable_index
    axes.add_patch(
        Rectangle(
            (entry.index - 0.44, row_number - 0.4),
            0.88,
            0.8,
            facecolor=term_colour(entry.term) if durable else PALE,
            edgecolor=INK,
            linewidth=1.8 if committed else 0.6,
            linestyle="-" if durable else "--",
        )
    )
    axes.text(
        entry.index, row_number - 0.16, f"term {entry.term}", ha="center", va="center", fontsize=6
    )
    axes.text(entry.index, row_number + 0.16, label(entry), ha="center", va="center", fontsize=7)

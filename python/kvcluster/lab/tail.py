"""The end of a node's log file, read as it grows."""

from __future__ import annotations

from pathlib import Path

from kvcluster.timeline import Event, parse_line

_READ_BYTES_MAX = 256 * 1024


class LogTail:
    """Reads what was appended to a JSON log since the last call."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._rest = b""

    def events(self) -> list[Event]:
        """The new events, oldest first; at most 256 KiB of the file at a time."""
        try:
            with self._file.open("rb") as log:
                log.seek(self._offset)
                data = log.read(_READ_BYTES_MAX)
        except FileNotFoundError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [parse_line(line.decode(errors="replace")) for line in lines]
        return [event for event in found if event is not None]

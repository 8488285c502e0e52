"""What a system must be able to do to be measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from bench.load import Load, Sample


class Running(ABC):
    """A system that has been started and answers."""

    @property
    @abstractmethod
    def pids(self) -> list[int]:
        """Of all its server processes."""

    @abstractmethod
    def drive(self, load: Load) -> Sample:
        """Puts the load on it.

        Raises:
            BenchError: it could not, or a request failed.
        """


class System(ABC):
    """One way to keep keys and values.

    Attributes:
        nodes: how many processes serve.
        durability: when a write is acknowledged, in plain words.
        how: the command line of a node, and that of the generator, with names for what varies.
    """

    nodes: int
    durability: str
    how: str

    @abstractmethod
    def missing(self) -> str | None:
        """Why it cannot run here, and what would help; None: it can."""

    @abstractmethod
    def version(self) -> str:
        """Requires: it is not missing."""

    @abstractmethod
    def running(self, directory: Path) -> AbstractContextManager[Running]:
        """Starts it with its data in `directory`, which exists and is empty; ends it after.

        Raises:
            BenchError: it did not start.
        """

"""The machine on which it was measured, in a few words."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench.process import file_system

# What keeps its files in memory proves nothing about durable writes.
_MEMORY = {"tmpfs", "ramfs"}


def is_memory(directory: Path) -> bool:
    return file_system(directory) in _MEMORY


def _value_of(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def facts(directory: Path) -> dict[str, str]:
    """Names and values, for the page."""
    kib = _value_of("/proc/meminfo", "MemTotal").split()[0]
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processors": f"{os.cpu_count()} x {_value_of('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(kib) / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "file system of the data": file_system(directory),
        "load of the machine before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }

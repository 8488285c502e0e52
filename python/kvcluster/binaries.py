"""Where the native programs are."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

from kvcluster.errors import NodeFailed

BIN_DIR_VARIABLE = "KVCLUSTER_BIN_DIR"


def _candidates() -> list[Path]:
    chosen = os.environ.get(BIN_DIR_VARIABLE)
    if chosen:
        return [Path(chosen)]  # whoever names a place does not want another one's program
    source_tree = Path(__file__).resolve().parents[2]
    return [Path(sysconfig.get_path("scripts")), source_tree / "build"]


def find_binary(name: str) -> Path:
    """The program `kvstore`, `kv_client` or `election_test`.

    Looked for in `$KVCLUSTER_BIN_DIR` if that is set; otherwise where pip put the package's
    programs, in `build/` of a source tree, and on PATH.

    Raises:
        NodeFailed: it is nowhere; the message says where it was looked for.
    """
    candidates = _candidates()
    for folder in candidates:
        program = folder / name
        if os.access(program, os.X_OK) and program.is_file():
            return program
    on_path = None if os.environ.get(BIN_DIR_VARIABLE) else shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    places = ", ".join(str(folder) for folder in candidates)
    raise NodeFailed(
        f"the program {name} is not in {places}: install the package (pip install .), "
        f"or build it and set {BIN_DIR_VARIABLE} to where it is"
    )


def find_library(name: str) -> Path:
    """A library that is preloaded into a node: beside the programs of a build, or in the package.

    Raises:
        NodeFailed: it is nowhere; the message says where it was looked for.
    """
    folders = [*_candidates(), Path(__file__).resolve().parent]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    places = ", ".join(str(folder) for folder in folders)
    raise NodeFailed(
        f"the library {name} is not in {places}: install the package (pip install .), or build "
        f"it; a build with a sanitizer has none"
    )

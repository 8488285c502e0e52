"""Runs clang-tidy over the compiled sources, leaving out what passed before.

A file is left out when nothing that could change the outcome has changed: the text the compiler
sees, the file itself (its comments steer the linter), the configuration and the linter.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys

TIDY = "clang-tidy-19"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def key_of(entry: dict[str, str], fixed: bytes) -> str:
    """The digest of all that decides how clang-tidy judges one compiled file."""
    command = shlex.split(entry["command"])
    if pathlib.Path(command[0]).name == "ccache":
        command = command[1:]
    del command[command.index("-o") : command.index("-o") + 2]
    preprocessed = subprocess.run(
        [*command, "-E", "-P"], cwd=entry["directory"], capture_output=True, check=True
    ).stdout
    source = pathlib.Path(entry["file"]).read_bytes()
    return hashlib.sha256(b"\0".join([fixed, source, preprocessed])).hexdigest()


def judge(entry: dict[str, str], fixed: bytes, build: pathlib.Path, again: bool) -> str | None:
    """What clang-tidy has against one file; None when it has nothing."""
    mark = build / "passed" / key_of(entry, fixed)
    if mark.exists() and not again:
        return None
    done = subprocess.run(
        [TIDY, "--quiet", "-p", str(build), entry["file"]], capture_output=True, text=True
    )
    if done.returncode != 0:
        return done.stdout or done.stderr
    mark.touch()
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="also what passed before")
    options = parser.parse_args()

    (options.build / "passed").mkdir(exist_ok=True)
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    fixed = version + (ROOT / ".clang-tidy").read_bytes()
    entries = json.loads((options.build / "compile_commands.json").read_text())
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        verdicts = [
            pool.submit(judge, entry, fixed, options.build, options.all) for entry in entries
        ]
        for verdict in concurrent.futures.as_completed(verdicts):
            if complaint := verdict.result():
                failed += 1
                print(complaint, flush=True)
    print(f"clang-tidy: {len(entries)} files, {failed} with complaints")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

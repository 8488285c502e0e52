"""The committed stubs of the native module say what those say that are generated from it.

The committed ones know more (immutable values, exact types), so they are compared by signature: the
names of all parameters, which of them may be left out, what is a property and what is a method.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

# A name within its module, and each way to call it: its parameters, True for one with a default.
Signature: TypeAlias = tuple[tuple[str, bool], ...] | str
Signatures: TypeAlias = dict[str, set[Signature]]

COMMITTED = Path(__file__).resolve().parents[2] / "python" / "kvcluster" / "_core"
MODULES = sorted(file.stem for file in COMMITTED.glob("*.pyi") if file.stem != "__init__")
PROPERTY: Signature = "a property"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stubs")
    command = (sys.executable, "-m", "pybind11_stubgen", "kvcluster._core", "-o", folder)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "kvcluster" / "_core"


def decorators(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    return {ast.unparse(each) for each in node.decorator_list}


def of_function(node: ast.FunctionDef, *, bound: bool) -> Signature:
    if "property" in decorators(node):
        return PROPERTY
    required = len(node.args.posonlyargs + node.args.args) - len(node.args.defaults)
    named = [
        (each.arg, place >= required)
        for place, each in enumerate(node.args.posonlyargs + node.args.args)
    ]
    only_named = [
        (each.arg, default is not None)
        for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    ]
    free = bound and "staticmethod" not in decorators(node)
    return tuple(named[1 if free else 0 :] + only_named)


def of_class(node: ast.ClassDef) -> Signatures:
    """Fields are properties; those of a value are the parameters of its constructor, too."""
    found: Signatures = {}
    fields = [
        (each.target.id, each.value is not None)
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and "ClassVar" not in ast.unparse(each.annotation)
    ]
    found |= {f"{node.name}.{name}": {PROPERTY} for name, _ in fields}
    if "_value" in decorators(node):
        found[f"{node.name}.__init__"] = {tuple(fields)}
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and (
            each.name == "__init__" or not each.name.startswith("_")
        ):
            key = f"{node.name}.{each.name}"
            found.setdefault(key, set()).add(of_function(each, bound=True))
    return found


def signatures(stub: Path) -> Signatures:
    found: Signatures = {}
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= of_class(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            found.setdefault(node.name, set()).add(of_function(node, bound=False))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_the_committed_stub_has_the_signatures_of_the_generated(
    module: str, generated: Path
) -> None:
    expected = signatures(generated / f"{module}.pyi")
    found = signatures(COMMITTED / f"{module}.pyi")
    assert len(expected) > 0
    differing = {
        name: (found.get(name), expected[name])
        for name in expected
        if found.get(name) != expected[name]
    }
    assert differing == {}


def test_no_module_is_without_a_committed_stub(generated: Path) -> None:
    made = sorted(file.stem for file in generated.glob("*.pyi") if file.stem != "__init__")
    assert made == MODULES

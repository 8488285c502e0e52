"""The native module as a whole: every name is documented and has a stub, errors are shared."""

import ast
import enum
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import kvcluster
from kvcluster import _core, errors
from kvcluster.wal import Wal

SUBMODULES = [value for value in vars(_core).values() if isinstance(value, ModuleType)]


def public(owner: object) -> dict[str, object]:
    return {name: value for name, value in vars(owner).items() if not name.startswith("_")}


def stub(repository: Path, module: ModuleType) -> ast.Module:
    name = module.__name__.rpartition(".")[2]
    return ast.parse((repository / f"python/kvcluster/_core/{name}.pyi").read_text())


def stub_members(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def stub_classes(body: list[ast.stmt]) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in body if isinstance(node, ast.ClassDef)}


def test_the_native_module_has_a_submodule_for_each_topic() -> None:
    topics = {module.__name__.rpartition(".")[2] for module in SUBMODULES}
    assert topics == {"check", "digest", "node", "raft", "sim", "state", "wal"}


@pytest.mark.parametrize("module", SUBMODULES, ids=lambda module: str(module.__name__))
class TestSubmodule:
    def test_every_name_has_a_docstring(self, module: ModuleType) -> None:
        undocumented = [name for name, value in public(module).items() if not inspect.getdoc(value)]
        assert undocumented == []

    def test_every_member_of_a_class_has_a_docstring(self, module: ModuleType) -> None:
        undocumented = [
            f"{name}.{member}"
            for name, value in public(module).items()
            if isinstance(value, type) and not issubclass(value, enum.Enum)
            for member, what in public(value).items()
            if not inspect.getdoc(what)
        ]
        assert undocumented == []

    def test_every_name_has_a_stub(self, module: ModuleType, repository: Path) -> None:
        stubbed = set(stub_members(stub(repository, module).body))
        assert set(public(module)) - stubbed == set()

    def test_every_class_has_exactly_the_members_of_its_stub(
        self, module: ModuleType, repository: Path
    ) -> None:
        stubs = stub_classes(stub(repository, module).body)
        classes = {name: value for name, value in public(module).items() if isinstance(value, type)}
        assert set(stubs) == set(classes)
        for name, value in classes.items():
            stubbed = {each for each in stub_members(stubs[name].body) if not each.startswith("_")}
            assert set(public(value)) == stubbed, name

    def test_every_field_of_a_value_has_its_place_in_the_stub(
        self, module: ModuleType, repository: Path
    ) -> None:
        for name, node in stub_classes(stub(repository, module).body).items():
            fields = tuple(
                each.target.id
                for each in node.body
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            )
            if fields:
                assert getattr(module, name).__match_args__ == fields, name


def test_native_errors_are_the_classes_of_the_package(tmp_path: Path) -> None:
    Wal.create(tmp_path, node=1).close()
    with pytest.raises(errors.StorageError) as raised:
        Wal.open(tmp_path, node=2)
    assert type(raised.value) is kvcluster.StorageError

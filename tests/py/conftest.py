"""What every Python test may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree that holds these tests."""
    return Path(__file__).resolve().parents[2]

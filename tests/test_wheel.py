"""The wheel: what it contains, what an index shows of it, and that it works without the repository.

`make test-wheel` tests the wheel in the folder ``DIST``; without it, one is built.
"""

from __future__ import annotations

import os
import re
import sys
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import onethinker_rewards as otr
from tests.test_repository import ROOT, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = ROOT / os.environ["DIST"] if "DIST" in os.environ else tmp_path_factory.mktemp("dist")
    if "DIST" not in os.environ:
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_it_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    alone = {"PYTHONPATH": ""}
    venv.create(tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    # Compiled is only what is used, and pip is the one that is there.
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", "--no-compile", wheel, cwd=tmp_path)
    command = python.with_name("onethinker-rewards")
    assert "spatio_temporal_grounding" in run(command, "demo", "--all", cwd=tmp_path, **alone)
    listed = run(*pip, "list", "--format=freeze", cwd=tmp_path)
    assert "torch" not in {line.partition("==")[0] for line in listed.splitlines()}
    typed = "Path(otr.__file__).with_name('py.typed').exists()"
    code = f"import onethinker_rewards as otr; from pathlib import Path; print({typed})"
    assert run(python, "-c", code, cwd=tmp_path, **alone).strip() == "True"


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    source = ROOT / "src"
    files = {
        path.relative_to(source).as_posix()
        for path in (source / "onethinker_rewards").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == files


def test_its_metadata_is_complete(metadata: Message) -> None:
    assert metadata["Version"] == otr.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] == "onethinker_rewards maintainers"
    assert metadata["Description-Content-Type"] == "text/markdown"
    links = dict(link.split(", ") for link in metadata.get_all("Project-URL", []))
    assert set(links) == {"Documentation", "Repository", "Issues", "Changelog", "Paper"}
    assert f"\nrepository-code: {links['Repository']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_link_that_an_index_shows_is_absolute_and_leads_to_a_file(metadata: Message) -> None:
    description = metadata.get_payload()
    assert isinstance(description, str)
    targets = re.findall(r"\]\(([^)\s]+)\)", description) + re.findall(r'(?:src|srcset|href)="([^"]+)"', description)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    for target in targets:
        found = re.fullmatch(rf"https://[^/]+/[^/]+/onethinker_rewards/(?:blob/)?v{otr.__version__}/([^#]+).*", target)
        assert found is None or (ROOT / found[1]).exists(), target
    assert any("/blob/v" in target for target in targets)

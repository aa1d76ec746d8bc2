"""What holds for the repository: its layers, its imports, its version."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command to its end and return what it printed; fail with that where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_layers() -> None:
    assert "Contracts: 1 kept, 0 broken." in run(Path(sys.executable).with_name("lint-imports"))


HEAVY = "torch scipy shapely jiwer nltk sympy math_verify latex2sympy2_extended hypothesis click rich".split()


@pytest.mark.parametrize("used", ["otr", "otr.ArgumentError", "otr.cli.main"])
def test_the_import_is_light(used: str) -> None:
    """Nothing but the standard library, and click on the command line, is imported before it is used."""
    code = (
        f"import sys, onethinker_rewards as otr, {'onethinker_rewards.cli' if 'cli' in used else 'math'}; {used};"
        "print(*sorted(name.partition('.')[0] for name in sys.modules))"
    )
    imported = set(run(sys.executable, "-c", code).split())
    assert imported.isdisjoint({"numpy", "pydantic", "msgspec", *HEAVY} - ({"click"} if "cli" in used else set()))


def test_a_public_name_is_known_before_it_is_imported() -> None:
    import onethinker_rewards as otr

    assert {*otr.__all__} <= {*dir(otr)}
    assert otr.rewards.score is otr.score
    with pytest.raises(AttributeError, match="has no attribute 'scores'"):
        _ = otr.scores


def test_scoring_numbers_needs_no_heavy_part() -> None:
    code = (
        "import sys, onethinker_rewards as otr;"
        "box = '{\"boxes\": [1, 2, 3, 4]}';"
        "response = '<think>x</think><answer>' + box + '</answer>';"
        "assert otr.score([response], [box], 'spatial_grounding').total[0] == 2.0;"
        "print(*sorted(name.partition('.')[0] for name in sys.modules))"
    )
    assert set(run(sys.executable, "-c", code).split()).isdisjoint(HEAVY)


def test_public_names_exist_and_are_sorted() -> None:
    import onethinker_rewards as otr

    assert all(hasattr(otr, name) for name in otr.__all__)
    assert len(set(otr.__all__)) == len(otr.__all__)


def test_one_version() -> None:
    from importlib.metadata import version

    import onethinker_rewards as otr

    assert version("onethinker-rewards") == otr.__version__
    # It is written down once.
    assert 'dynamic = ["version"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_development_tools_are_pinned() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert all("==" in requirement for name in ("dev", "docs", "peers") for requirement in extras[name])


def test_every_dependency_has_an_oldest_version() -> None:
    from scripts.oldest import oldest

    versions = oldest()
    assert {"numpy", "pydantic", "hypothesis"} <= {line.partition("==")[0] for line in versions}
    assert all(re.fullmatch(r"[a-z-]+==[0-9.]+", line) for line in versions)


def test_the_version_to_cite() -> None:
    import onethinker_rewards as otr

    assert f"\nversion: {otr.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_advantages_without_torch_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards import advantage

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"advantages need torch: pip install 'onethinker-rewards\[torch\]'"):
        importlib.reload(advantage)


def test_a_torch_that_lacks_a_part_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards import advantage

    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "torch":
                raise ModuleNotFoundError("No module named 'typing_extensions'", name="typing_extensions")

    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="typing_extensions"):
        importlib.reload(advantage)

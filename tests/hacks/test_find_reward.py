from __future__ import annotations

import sys
from pathlib import Path

import pytest

import onethinker_rewards as otr
from onethinker_rewards.hacks import Signature, find_reward, load_reward

CODE = """
from __future__ import annotations
from dataclasses import dataclass
LIMIT = 3

@dataclass
class Made:
    value: float

def total(responses, references, tasks):
    return [Made(1.0).value for _ in responses]

class Scorer:
    total = staticmethod(total)
"""


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_hacked_reward.py").write_text(CODE)
    (tmp_path / "neighbor_of_it.py").write_text("VALUE = 2.0\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "with-dash.py").write_text(CODE)
    (tmp_path / "deep" / "near.py").write_text("import beside_near\ntotal = beside_near.total\n")
    (tmp_path / "deep" / "beside_near.py").write_text(CODE)
    (tmp_path / "c:d").mkdir()
    (tmp_path / "c:d" / "colon.py").write_text(CODE)
    (tmp_path / "needs_another.py").write_text("import no_such_package\n")
    (tmp_path / "fails.py").write_text("1 / 0\n")


@pytest.mark.parametrize(
    "name",
    [
        "my_hacked_reward:total",
        "my_hacked_reward:Scorer.total",
        "my_hacked_reward.py:total",
        "deep/with-dash.py:total",
        "deep/near.py:total",
        "c:d/colon.py:total",
    ],
)
def test_a_module_or_a_file(name: str) -> None:
    assert find_reward(name)(["a", "b"], [], []) == [1.0, 1.0]


def test_the_directory_is_searched_once() -> None:
    for _ in range(2):
        find_reward("my_hacked_reward:total")
    assert sys.path.count(str(Path.cwd())) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("total", "'total' is not module:function, such as", id="no colon"),
        pytest.param(":total", "':total' is not module:function", id="no module"),
        pytest.param("my_hacked_reward:", "is not module:function", id="no function"),
        pytest.param("no_such_module:total", "there is no module 'no_such_module'", id="module missing"),
        pytest.param("my_hacked_reward.sub:total", "there is no module 'my_hacked_reward.sub'", id="submodule missing"),
        pytest.param("no/such.py:total", "there is no file no/such.py", id="file missing"),
        pytest.param("my_hacked_reward:totl", "my_hacked_reward has no 'totl'", id="function missing"),
        pytest.param("my_hacked_reward:Scorer.totl", "my_hacked_reward has no 'Scorer.totl'", id="inside missing"),
        pytest.param("my_hacked_reward:LIMIT", "'LIMIT' in my_hacked_reward is not a function but int", id="a number"),
    ],
)
def test_what_is_not_there(name: str, message: str) -> None:
    for find in (find_reward, load_reward):
        with pytest.raises(otr.ArgumentError, match=message):
            find(name)


def test_a_module_that_misses_another_says_so_itself() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        find_reward("needs_another:total")


def test_what_a_module_raises_is_its_own() -> None:
    for name in ("fails:total", "fails.py:total"):
        with pytest.raises(ZeroDivisionError):
            find_reward(name)


def test_a_name_is_loaded_with_its_signature() -> None:
    reward = load_reward("deep/near.py:total")
    assert (reward.name, reward.signature) == ("deep/near.py:total", Signature.BATCH)
    assert reward(["a"], ["b"], ["ocr"]) == [1.0]

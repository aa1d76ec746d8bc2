"""verl's configuration of its own files, whatever else uses Hydra in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from onethinker_rewards.trainer.verl.run import verl_defaults
from tests.adapters.rows import framework
from tests.trainer.config.verl_stand_in import stand_in_for_verl

framework("hydra", target="test")


def test_overrides_change_what_the_file_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_for_verl(monkeypatch, tmp_path)
    assert verl_defaults("ppo_trainer").trainer.nnodes == 4
    assert verl_defaults("ppo_trainer", ["trainer.nnodes=2", "+onethinker.seed=3"]).onethinker.seed == 3


@pytest.mark.parametrize("fails", [False, True])
def test_the_configuration_of_another_package_is_there_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool
) -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException

    stand_in_for_verl(monkeypatch, tmp_path)
    found = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        initialize_config_dir(str(tmp_path), version_base=None)
        others = GlobalHydra.instance().hydra
        if fails:
            with pytest.raises(HydraException):
                verl_defaults("none")
        else:
            verl_defaults("ppo_trainer")
        assert GlobalHydra.instance().hydra is others
    finally:
        GlobalHydra.instance().hydra = found


def test_without_verl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onethinker_rewards.trainer.verl.run.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="verl is not installed"):
        verl_defaults("ppo_trainer")

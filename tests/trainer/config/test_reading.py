"""What is read from a file and key=value, and what is said of what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import RlSettings, SftSettings, keys_of, read_settings, shipped
from onethinker_rewards.trainer.config.section import OWN, PAPER, RELEASE, VERL


def write(folder: Path, text: str) -> str:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_six_configurations_come_along() -> None:
    names = {"h800-4x8", "h800-1x8", "cpu-smoke"}
    assert set(shipped()) == names | {f"sft-{name}" for name in names}


@pytest.mark.parametrize("name", shipped())
def test_each_is_of_its_stage(name: str) -> None:
    assert isinstance(read_settings(name), SftSettings if name.startswith("sft-") else RlSettings)


def test_the_paper_s_run() -> None:
    settings = read_settings("h800-4x8")
    assert isinstance(settings, RlSettings)
    assert (settings.run.nodes, settings.run.gpus_per_node, settings.run.gpus) == (4, 8, 32)
    assert (settings.data.prompts_per_step, settings.rollout.rollouts_per_prompt) == (128, 8)
    assert settings.optimisation.prompts_per_update == 32
    assert settings.optimisation.learning_rate == 2e-6
    assert (settings.optimisation.kl_coefficient, settings.optimisation.kl_estimator) == (0.01, "low_var_kl")
    assert (settings.data.max_response_tokens, settings.data.max_frames) == (4096, 128)
    assert settings.rollout.tensor_parallel == 4
    assert (settings.filter.enabled, settings.filter.low, settings.filter.high) == (True, 0.01, 0.99)
    assert (settings.advantage.estimator, settings.advantage.decay) == ("ema_grpo", 0.99)


def test_the_paper_s_fine_tuning() -> None:
    settings = read_settings("sft-h800-4x8")
    assert isinstance(settings, SftSettings)
    assert (settings.data.rows_per_step, settings.optimisation.learning_rate) == (32, 1e-5)
    assert settings.model.path == "Qwen/Qwen3-VL-8B-Instruct"


def test_defaults_are_the_paper_s_run() -> None:
    """A file may leave out what it does not change."""
    assert read_settings("h800-4x8") == RlSettings()
    assert read_settings("sft-h800-4x8") == SftSettings(stage="sft")


@pytest.mark.parametrize("stage", ["", "sft-"])
def test_one_node_changes_machines_and_memory_alone(stage: str) -> None:
    four, one = (read_settings(f"{stage}h800-{size}").model_dump() for size in ("4x8", "1x8"))
    changed = {
        (part, name)
        for part in four
        for name in four[part]
        if part not in ("stage", "verl")
        if four[part][name] != one[part][name]
    }
    assert changed == {("run", "nodes"), ("model", "offload")}


@pytest.mark.parametrize("settings", [RlSettings, SftSettings])
def test_every_key_says_what_it_does_and_where_its_value_is_from(settings: type[RlSettings]) -> None:
    keys = list(keys_of(settings))
    assert len(keys) > 20
    for name, _, description, source in keys:
        assert description.endswith("."), name
        assert source in (PAPER, RELEASE, VERL, OWN), name


def test_a_change_goes_before_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, "optimisation: {learning_rate: 1e-4}\nverl: {trainer.esi_redundant_time: 3}\n")
    settings = read_settings(config, ["optimisation.learning_rate=3E-5", "verl.trainer.nnodes=2", "run.steps=5"])
    assert settings.optimisation.learning_rate == 3e-5
    assert settings.run.steps == 5
    assert dict(settings.verl) == {"trainer.esi_redundant_time": 3, "trainer.nnodes": 2}


def test_the_last_change_wins() -> None:
    assert read_settings("h800-4x8", ["run.seed=2", "run.seed=3"]).run.seed == 3


def test_a_whole_section_can_be_changed() -> None:
    assert read_settings("h800-4x8", ["run={nodes: 2}"]).run.nodes == 2


def test_a_change_may_hold_equals_signs() -> None:
    assert read_settings("h800-4x8", ["run.name=a=b"]).run.name == "a=b"


@pytest.mark.parametrize("text", ["a.parquet", "[a.parquet]"])
def test_one_file_needs_no_list(text: str) -> None:
    settings = read_settings("h800-4x8", [f"data.train_files={text}"])
    assert settings.data.train_files == ("a.parquet",)


WRONG = {
    "misspelt": (["run.nods=1"], "run.nods: no such key; did you mean run.nodes?"),
    "wrong section": (["data.decay=1"], "data.decay: no such key; did you mean advantage.decay?"),
    "unheard of": (["zzz=1"], "zzz: no such key"),
    "too large": (["rollout.top_p=2"], "rollout.top_p: Input should be less than or equal to 1, not 2"),
    "not finite": (["rollout.temperature=.inf"], "rollout.temperature: Input should be a finite number, not inf"),
    "a text": (["run.nodes=two"], "run.nodes: Input should be a valid integer, not 'two'"),
    "a truth": (["run.nodes=true"], "run.nodes: Input should be a valid integer, not True"),
    "nothing": (["run.nodes="], "run.nodes: Input should be a valid integer, not None"),
    "no choice": (["reward.recipe=mine"], "reward.recipe: Input should be 'paper' or 'release', not 'mine'"),
    "no files": (["data.train_files=[]"], "data.train_files: Tuple should have at least 1 item"),
    "files of another type": (["data.train_files=3"], "data.train_files: Input should be a valid tuple, not 3"),
    "a long value": (["run.nodes=" + "9" * 90 + "x"], "not '" + "9" * 59 + "…"),
    "two at once": (["run.nodes=x", "run.seed=y"], "not 'x'; run.seed: "),
    "no section": (["run=3", "run.nodes=2"], "run.nodes=2: run is no section"),
    "no equals sign": (["run.nodes"], "run.nodes: not of the form key=value"),
    "no key": (["=3"], "=3: not of the form key=value"),
    "no YAML": (["run.name=[a"], "run.name=[a: not YAML, line 1: expected ',' or ']'"),
    "a day that is none": (["run.name=2001-99-99"], "run.name=2001-99-99: month must be in 1..12"),
    "a character that YAML refuses": (["run.name=\x00"], "not YAML: unacceptable character #x0000"),
    "too deep": (["run.name=" + "[" * 3000], "nested too deeply"),
    "no stage": (["stage=ppo"], "stage: is rl or sft, not 'ppo'"),
    "a stage that is a list": (["stage=[rl]"], "stage: is rl or sft, not ['rl']"),
    "verl without sections": (["verl=3"], "verl: Input should be a valid dictionary"),
    "verl with a number for a key": (["verl={1: 2}"], "verl.1.[key]: Input should be a valid string, not 1"),
    "mini-batch": (["optimisation.prompts_per_update=33"], "128 is no multiple of prompts_per_update 33"),
    "GPUs": (["run.nodes=3"], "an update of 32 prompts has 256 responses: no multiple of 24 GPUs"),
    "tensor parallel": (["rollout.tensor_parallel=3"], "tensor_parallel 3 does not divide the 8 GPUs of a node"),
    "tokens": (["optimisation.tokens_per_gpu=20479"], "optimisation.tokens_per_gpu 20479 holds no row of 20480 tokens"),
    "validation": (["run.validate_every=5"], "run.validate_every needs data.validation_files"),
    "limits": (["filter.low=0.99"], "filter.low 0.99 is not below filter.high 0.99"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(changes: list[str], said: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        read_settings("h800-4x8", changes)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.rows_per_step=33", "data.rows_per_step 33 is no multiple of 32 GPUs"),
        ("optimisation.tokens_per_gpu=16383", "optimisation.tokens_per_gpu 16383 holds no row of 16384 tokens"),
        ("rollout.temperature=1", "rollout: no such key"),
        ("run.validate_every=5", "run.validate_every needs data.validation_files"),
    ],
)
def test_what_is_wrong_with_fine_tuning(change: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        read_settings("sft-h800-4x8", [change])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "not a mapping of sections"),
        ("", "not a mapping of sections"),
        ("run:\n  nodes: 4\n  nodes: 1\n", "not YAML, line 3: nodes stands there twice"),
        ("? [a]\n: 1\n", "not YAML, line 1: found unhashable key"),
        ("run: {nodes: 4\n", "not YAML, line 2"),
        ("a: &x\n  b: *x\n", "a: no such key"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, said: str) -> None:
    config = write(tmp_path, text)
    with pytest.raises(ArgumentError) as refused:
        read_settings(config)
    assert str(refused.value).startswith(config)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_names_those_that_come_along() -> None:
    with pytest.raises(ArgumentError, match=r"^no\.yaml: No such file or directory; .*: cpu-smoke, h800-1x8,"):
        read_settings("no.yaml")


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ArgumentError, match="null byte"):
        read_settings("a\0b")


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_bytes(b"run: {name: \xe9}")
    with pytest.raises(ArgumentError, match="not UTF-8"):
        read_settings(str(tmp_path / "run.yaml"))


def test_the_example_of_the_page_is_sound(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "train.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    settings = read_settings(write(tmp_path, example))
    assert settings.optimisation.learning_rate == 1e-6
    assert list(settings.verl) == ["trainer.max_critic_ckpt_to_keep"]

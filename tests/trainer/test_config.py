"""What is read from a file and KEY=VALUE, and what is said of what cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import read_config, shipped, text_of

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"


def write(folder: Path, text: str) -> str:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_six_configurations_ship() -> None:
    names = {"h800-4x8", "h800-1x8", "cpu-smoke"}
    assert set(shipped()) == names | {f"sft-{name}" for name in names}


@pytest.mark.parametrize("name", shipped())
def test_each_is_of_its_stage(name: str) -> None:
    assert read_config(name).options.stage == ("sft" if name.startswith("sft-") else "rl")


@pytest.mark.parametrize("name", [name for name in shipped() if "h800" in name])
def test_every_value_names_its_source(name: str) -> None:
    values = [line for line in text_of(name).splitlines() if line.strip() and not re.search(r"^#|:\s*$", line)]
    assert len(values) > 20
    assert [line for line in values if not re.search(r" # (paper|release|verl|ours)\b", line)] == []


def test_the_paper_s_run() -> None:
    run = read_config("h800-4x8")
    expected = {
        "data.train_batch_size": 128,
        "data.max_prompt_length": 16384,
        "data.max_response_length": 4096,
        f"{ROLLOUT}.n": 8,
        f"{ROLLOUT}.temperature": 1.0,
        f"{ROLLOUT}.tensor_model_parallel_size": 4,
        f"{ACTOR}.ppo_mini_batch_size": 32,
        f"{ACTOR}.ppo_max_token_len_per_gpu": 20480,
        f"{ACTOR}.optim.lr": 2e-6,
        f"{ACTOR}.use_kl_loss": True,
        f"{ACTOR}.kl_loss_coef": 0.01,
        f"{ACTOR}.kl_loss_type": "low_var_kl",
        f"{ACTOR}.loss_agg_mode": "token-mean",
        "algorithm.use_kl_in_reward": False,
        "trainer.nnodes": 4,
        "trainer.n_gpus_per_node": 8,
        "trainer.total_epochs": 1,
        "trainer.save_freq": 100,
        "trainer.test_freq": -1,
    }
    assert {key: run.verl[key] for key in expected} == expected
    assert run.options.model_dump() == {
        "stage": "rl",
        "recipe": "paper",
        "dialect": "onethinker",
        "reference_dialect": "onethinker",
        "judge": None,
        "estimator": "ema_grpo",
        "estimator_options": {
            "decay": 0.99,
            "initial": "debiased",
            "guard": "clip",
            "guard_limit": 5.0,
            "min_std": 0.001,
            "update_first": True,
        },
        "filter": {"low": 0.01, "high": 0.99, "max_batches": 20},
        "seed": None,
        "max_frames": 128,
        "max_image_pixels": 1_048_576,
    }


@pytest.mark.parametrize("name", [name for name in shipped() if not name.startswith("sft-")])
def test_differs_the_trainer_averages_over_tokens(name: str) -> None:
    """The loss is averaged over tokens, as in the release; the paper's objective averages over responses."""
    assert read_config(name).verl[f"{ACTOR}.loss_agg_mode"] == "token-mean"


def test_the_paper_s_fine_tuning() -> None:
    run = read_config("sft-h800-4x8")
    assert (run.verl["data.train_batch_size"], run.verl["optim.lr"], run.verl["data.max_length"]) == (32, 1e-5, 16384)
    assert run.verl["model.path"] == "Qwen/Qwen3-VL-8B-Instruct"


@pytest.mark.parametrize("stage", ["", "sft-"])
def test_one_node_changes_nodes_and_memory_alone(stage: str) -> None:
    four, one = (read_config(f"{stage}h800-{size}") for size in ("4x8", "1x8"))
    assert four.options == one.options
    changed = {key.rpartition(".")[2] for key in four.verl if four.verl[key] != one.verl[key]}
    assert changed == {"nnodes", "param_offload", "optimizer_offload"}
    assert four.verl.keys() == one.verl.keys()


def test_keys_are_nested_or_dotted(tmp_path: Path) -> None:
    config = write(tmp_path, "data: {seed: 1, a.b: {c: []}}\ntrainer.nnodes: 2\n+x.y: {}\nonethinker.seed: 3\n")
    run = read_config(config)
    assert run.verl == {"data.seed": 1, "data.a.b.c": [], "trainer.nnodes": 2, "+x.y": {}}
    assert run.options.seed == 3


def test_a_change_goes_before_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, "optim: {lr: 1e-4}\nonethinker: {seed: 1, filter: null}\n")
    run = read_config(config, ["optim.lr=3E-5", "trainer.nnodes=2", "onethinker.filter.low=0.1", "+onethinker.seed=2"])
    assert run.verl == {"optim.lr": 3e-5, "trainer.nnodes": 2}
    assert (run.options.filter is not None, run.options.seed) == (True, 2)


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        (["data.seed=2", "data.seed=3"], "data.seed", 3),
        (["trainer={nnodes: 2}"], "trainer.nnodes", 2),
        (["trainer.experiment_name=a=b"], "trainer.experiment_name", "a=b"),
        (["data.train_files=[a.parquet, b.parquet]"], "data.train_files", ["a.parquet", "b.parquet"]),
    ],
)
def test_changes(changes: list[str], key: str, value: object) -> None:
    assert read_config("h800-4x8", changes).verl[key] == value


def test_without_a_filter_every_group_counts() -> None:
    assert read_config("h800-4x8", ["onethinker.filter=null"]).options.filter is None


def test_another_estimator_does_not_take_the_options_of_the_file() -> None:
    changes = ["onethinker.estimator_options.eps=0.1", "onethinker.estimator=grpo"]
    assert read_config("h800-4x8", changes).options.estimator_options == {"eps": 0.1}
    assert read_config("h800-4x8", ["onethinker.estimator=ema_grpo"]) == read_config("h800-4x8")


WRONG = {
    "misspelled": (["onethinker.estimater=1"], "onethinker.estimater: unknown key; did you mean onethinker.estimator?"),
    "no equals sign": (["trainer.nnodes"], "trainer.nnodes: not of the form KEY=VALUE"),
    "no key": (["=3"], "=3: not of the form KEY=VALUE"),
    "not YAML": (["data.seed=[a"], "data.seed=[a: not YAML, line 1: expected ',' or ']'"),
    "an impossible day": (["data.seed=2001-99-99"], "data.seed=2001-99-99: month must be in 1..12"),
    "a character that YAML refuses": (["data.seed=\x00"], "not YAML: unacceptable character #x0000"),
    "too deep": (["data.seed=" + "[" * 3000], "nested too deeply"),
    "not a section": (["onethinker=3"], "onethinker: Input should be a valid dictionary or instance of Options, not 3"),
}


@pytest.mark.parametrize(("changes", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(changes: list[str], said: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(said)) as refused:
        read_config("h800-4x8", changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "not a mapping of keys"),
        ("", "not a mapping of keys"),
        ("trainer:\n  nnodes: 4\n  nnodes: 1\n", "not YAML, line 3: repeated key nnodes"),
        ("? [a]\n: 1\n", "not YAML, line 1: found unhashable key"),
        ("trainer: {nnodes: 4\n", "not YAML, line 2"),
        ("a: &x\n  b: *x\n", "nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, said: str) -> None:
    config = write(tmp_path, text)
    with pytest.raises(ArgumentError, match=re.escape(said)) as refused:
        read_config(config)
    assert str(refused.value).startswith(config)


def test_a_missing_file_names_the_configurations_that_ship() -> None:
    with pytest.raises(ArgumentError, match=r"^no\.yaml: No such file or directory; .* ship: cpu-smoke, h800-1x8,"):
        read_config("no.yaml")


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ArgumentError, match="not UTF-8"):
        read_config(str(tmp_path / "run.yaml"))


def test_the_example_of_the_page_is_sound(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "train.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    run = read_config(write(tmp_path, example))
    assert run.options.estimator == yaml.safe_load(example)["onethinker"]["estimator"]
    assert len(run.verl) > 5

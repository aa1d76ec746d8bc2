"""One rank of a run on several processes: writes its running moments to a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch.distributed as dist

from onethinker_rewards.adapters.trl import make_reward
from tests.adapters.trl_runs import make_trainer, moments


def main(folder: Path, rank: str) -> None:
    reward = make_reward(ema={"decay": 0.9})
    # Four of a group's responses lie on one rank here, two groups a rank.
    make_trainer(
        folder, reward, reward.callback(), max_steps=3, per_device_train_batch_size=4, ddp_backend="gloo"
    ).train()
    (folder / f"moments-{rank}.json").write_text(json.dumps(moments(reward)))
    # gloo's threads must end before Python does: a rank whose peer left first would abort otherwise.
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""Train with rewards in plain PyTorch: sample, `otr.score`, EMA-GRPO, the clipped loss, a step of the optimizer.

    pip install 'onethinker-rewards[torch]'
    python examples/torch_loop.py
    python examples/torch_loop.py --device cuda --dtype bfloat16

Three tasks share one policy. So that nothing is downloaded, the policy is a small network whose tokens are
pieces of answers, and its "video" is a vector that shows what is right. It learns the format from examples with random
answers, as a model does that is fine-tuned first; from then on rewards alone teach it. Every 20 steps this prints, for
each task, the mean accuracy and σ: choices and numbers rise from chance to 1 and spans to some 0.7, in 10 seconds on a
CPU. Weights and Adam's moments are float32; `--dtype` is what the network computes in.

With a model of your own: `sample` is its `generate`, `log_probs` its forward pass, and its prompts are made by
`otr.prompt(task, question)`.
"""

from __future__ import annotations

import argparse
import random

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

import onethinker_rewards as otr
from onethinker_rewards.advantage import EmaGrpo, clipped_loss

SECONDS = [str(5 * number) for number in range(8)]
OPENING, CLOSING = ["<think>", "I looked.", "</think>", "<answer>"], ["</answer>", "<end>"]
TOKENS = ["<start>", *OPENING, *CLOSING, '{"time": [', ", ", "]}", *"ABCD", *SECONDS]
NUMBER = {token: number for number, token in enumerate(TOKENS)}
TASKS = ["multiple_choice", "numerical", "temporal_grounding"]
LONGEST = len(OPENING) + 5 + len(CLOSING)
SEEN = len(TASKS) + 2 * len(TOKENS)


def make_answer(task: str, chance: random.Random) -> list[str]:
    """Return the tokens of an answer to a task; any answer may be the right one."""
    if task == "multiple_choice":
        return [chance.choice("ABCD")]
    if task == "numerical":
        return [chance.choice(SECONDS)]
    start, end = sorted(chance.sample(range(len(SECONDS)), 2))
    return ['{"time": [', SECONDS[start], ", ", SECONDS[end], "]}"]


def make_video(task: str, answer: list[str]) -> list[float]:
    """Return what the policy sees: the task, and the one or two values of the right answer."""
    values = answer[1::2] if task == "temporal_grounding" else answer
    shown = [TASKS.index(task)]
    shown += [len(TASKS) + place * len(TOKENS) + NUMBER[value] for place, value in enumerate(values)]
    return [float(index in shown) for index in range(SEEN)]


class Policy(nn.Module):
    """A small network that writes token after token: it sees the video, the last token and how many there are."""

    def __init__(self, dtype: torch.dtype, size: int = 256) -> None:
        super().__init__()
        self.dtype = dtype
        inputs = SEEN + len(TOKENS) + LONGEST
        self.layers = nn.Sequential(nn.Linear(inputs, size), nn.ReLU(), nn.Linear(size, len(TOKENS)))

    def forward(self, video: Tensor, last: Tensor, place: Tensor) -> Tensor:
        """Return log-probabilities ``[N, T, V]`` of the tokens that follow ``last`` ``[N, T]``, in float32."""
        seen = video[:, None].expand(-1, last.shape[1], -1)
        inputs = torch.cat([seen, one_hot(last, len(TOKENS)), one_hot(place.expand_as(last), LONGEST)], dim=2)
        with torch.autocast(video.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits = self.layers(inputs)
        return logits.float().log_softmax(-1)

    @torch.no_grad()
    def sample(self, video: Tensor) -> Tensor:
        """Return tokens ``[N, T]``."""
        tokens = torch.zeros(len(video), 1, dtype=torch.int64, device=video.device)
        for place in torch.arange(LONGEST, device=video.device):
            log_probs = self(video, tokens[:, -1:], place)[:, 0]
            tokens = torch.cat([tokens, log_probs.exp().multinomial(1)], dim=1)
        return tokens[:, 1:]

    def log_probs(self, video: Tensor, tokens: Tensor) -> Tensor:
        """Return the log-probability of each token ``[N, T]``."""
        last, places = pad(tokens[:, :-1], (1, 0)), torch.arange(LONGEST, device=video.device)
        return self(video, last, places).gather(2, tokens[..., None])[..., 0]


def is_written(tokens: Tensor) -> Tensor:
    """Return which tokens belong to the response ``[N, T]``: those up to the first <end>."""
    return (tokens == NUMBER["<end>"]).cumsum(1) - (tokens == NUMBER["<end>"]).int() == 0


def learn_format(policy: Policy, optimizer: torch.optim.Optimizer, chance: random.Random, steps: int = 60) -> None:
    """Fine-tune on responses in the format whose answers are random."""
    device = policy.layers[0].weight.device
    for _ in range(steps):
        tasks = chance.choices(TASKS, k=64)
        videos = torch.tensor([make_video(task, make_answer(task, chance)) for task in tasks], device=device)
        texts = [[*OPENING, *make_answer(task, chance), *CLOSING] for task in tasks]
        padded = [[NUMBER[token] for token in text] + [NUMBER["<end>"]] * (LONGEST - len(text)) for text in texts]
        tokens = torch.tensor(padded, device=device)
        loss = -policy.log_probs(videos, tokens)[is_written(tokens)].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def reinforce(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    estimator: EmaGrpo,
    questions: list[tuple[str, list[str]]],
    rollouts: int,
) -> otr.RewardBatch:
    """Sample responses to each question, score them, and learn from them."""
    device = policy.layers[0].weight.device
    videos = torch.tensor([make_video(*question) for question in questions], device=device)
    videos = videos.repeat_interleave(rollouts, dim=0)
    tokens = policy.sample(videos)
    texts = ["".join(TOKENS[number] for number in row).partition("<end>")[0] for row in tokens.tolist()]

    groups = [group for group in range(len(questions)) for _ in range(rollouts)]
    tasks, answers = zip(*(questions[group] for group in groups), strict=True)
    batch = otr.score(texts, ["".join(answer) for answer in answers], tasks)
    advantages = estimator(batch.total.tolist(), groups=groups, tasks=batch.tasks).to(device)

    mask, old_log_probs = is_written(tokens), policy.log_probs(videos, tokens).detach()
    for _ in range(2):  # the second step is on responses of the policy before the first: here the loss may be clipped
        loss = clipped_loss(policy.log_probs(videos, tokens), old_log_probs, advantages, mask).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return batch


def main() -> None:
    """Run both stages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=160, help="steps of reinforcement learning")
    parser.add_argument("--prompts", type=int, default=24, help="questions a step")
    parser.add_argument("--rollouts", type=int, default=8, help="responses to each question")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    torch.set_num_threads(1)  # a network this small is slower on several
    torch.manual_seed(given.seed)
    chance = random.Random(given.seed)
    policy = Policy(getattr(torch, given.dtype)).to(given.device)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=6e-3)
    learn_format(policy, optimizer, chance)

    # σ of each task is part of the training state: save estimator.state_dict() with the weights.
    estimator = EmaGrpo(decay=0.95)
    for step in range(1, given.steps + 1):
        questions = [(task, make_answer(task, chance)) for task in chance.choices(TASKS, k=given.prompts)]
        batch = reinforce(policy, optimizer, estimator, questions, given.rollouts)
        if step == 1 or step % 20 == 0:
            summary, sigma = batch.summary(), estimator.statistics()
            shown = [f"{task} {summary[task]['normalized']:.2f} σ {sigma[task].sigma:.2f}" for task in sorted(summary)]
            print(f"step {step:3}  total {batch.total.mean():.2f}  " + "  ".join(shown), flush=True)


if __name__ == "__main__":
    main()

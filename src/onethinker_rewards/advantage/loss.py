"""The clipped objective of GRPO with its KL term, on log-probabilities of tokens."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from onethinker_rewards.errors import ArgumentError

Average: TypeAlias = Literal["sequence", "token", "constant"]
# exp(20) is 5e8: beyond it a ratio says nothing more, and float32 would overflow at 88.
_LOG_LIMIT = 20.0
_KL_LIMIT = 10.0


class PolicyLoss(NamedTuple):
    """What `clipped_loss` returns: scalars, of which ``loss`` carries the gradient."""

    loss: Tensor
    policy: Tensor
    kl: Tensor
    clip_fraction: Tensor


def broadcast(advantages: Tensor, mask: Tensor) -> Tensor:
    """Return each row's advantage at each of its tokens, 0 where ``mask`` is.

    Args:
        advantages: ``[N]``.
        mask: ``[N, T]`` bool or 0 and 1.

    Returns:
        ``[N, T]``.

    Raises:
        ArgumentError: If the rows differ in number.
    """
    if advantages.ndim != 1 or mask.ndim != 2 or len(mask) != len(advantages):
        raise ArgumentError(f"mask: {tuple(mask.shape)} does not fit advantages {tuple(advantages.shape)}")
    return advantages[:, None] * mask


def token_kl(log_probs: Tensor, reference_log_probs: Tensor) -> Tensor:
    """Return r − log r − 1 with r = π_reference/π: an unbiased, never negative estimate of KL(π‖π_reference).

    The log-ratio is clamped to ±20 and the estimate to at most 10, as in verl's ``low_var_kl``, with which the release
    trained.

    Args:
        log_probs: Of any shape, natural logarithms.
        reference_log_probs: Of the same shape.

    Returns:
        The same shape, [0, 10].

    Raises:
        ArgumentError: If the shapes differ.

    Source: DeepSeekMath, arXiv 2402.03300, equation 4; Schulman, "Approximating KL Divergence", estimator k3.
    """
    _same_shape(log_probs, reference_log_probs=reference_log_probs)
    gap = (reference_log_probs - log_probs).clamp(-_LOG_LIMIT, _LOG_LIMIT)
    return (gap.exp() - gap - 1.0).clamp(max=_KL_LIMIT)


def averaged(values: Tensor, mask: Tensor, average: Average = "sequence") -> Tensor:
    """Return the average over the tokens of a batch, a scalar.

    Args:
        values: ``[N, T]``.
        mask: ``[N, T]`` bool or 0 and 1.
        average: ``"sequence"`` the mean over rows of the mean over their tokens (GRPO); ``"token"`` the mean over all
            tokens (DAPO); ``"constant"`` the sum divided by rows · T (Dr.GRPO). Rows without a token do not count; a
            batch without one gives 0.

    Returns:
        A scalar.

    Raises:
        ArgumentError: If shapes differ or ``average`` is none of these.
    """
    _same_shape(values, mask=mask)
    weight = mask.to(values.dtype)
    tokens = weight.sum(1)
    rows = (tokens > 0).sum().clamp_min(1)
    # A masked token may hold anything, NaN too.
    kept = torch.where(mask.bool(), values, 0.0)
    if average == "sequence":
        return (kept.sum(1) / tokens.clamp_min(1.0)).sum() / rows
    if average == "token":
        return kept.sum() / tokens.sum().clamp_min(1.0)
    if average == "constant":
        return kept.sum() / (rows * max(mask.shape[1], 1))
    raise ArgumentError(f"average: must be 'sequence', 'token' or 'constant', got {average!r}")


def clipped_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
    reference_log_probs: Tensor | None = None,
    kl_weight: float = 0.01,
    average: Average = "sequence",
) -> PolicyLoss:
    """Return the loss −min(ρA, clip(ρ, 1 − low, 1 + high)·A) + kl_weight·KL, averaged, with ρ = π/π_old.

    Args:
        log_probs: ``[N, T]`` natural log-probabilities of the tokens under the policy; the gradient flows here.
        old_log_probs: ``[N, T]`` under the policy that wrote them.
        advantages: ``[N]``, or ``[N, T]`` where tokens differ; of any real type, on any device. They are moved to the
            device of ``log_probs``, and cast to its type, or to float32 where that is half precision.
        mask: ``[N, T]`` bool or 0 and 1: the tokens of the response.
        clip_low: ε below 1.
        clip_high: ε above 1.
        dual_clip: c > 1: where A < 0 the loss is at most −cA. None is the paper's objective; verl has 3.
        reference_log_probs: ``[N, T]`` under the reference policy; None leaves the KL term out.
        kl_weight: Its coefficient; the paper's scripts have 0.01.
        average: See `averaged`; ``"sequence"`` is the paper's.

    Returns:
        The loss, its policy and KL parts, and the share of tokens where clipping took effect.

    Raises:
        ArgumentError: If shapes differ or an option is out of its range.

    Source: OneThinker, arXiv 2512.03043, and DeepSeekMath, arXiv 2402.03300, equation 3; dual clip: arXiv 1912.09729.
    """
    if dual_clip is not None and not dual_clip > 1.0:
        raise ArgumentError(f"dual_clip: must be greater than 1, got {dual_clip}")
    _same_shape(log_probs, old_log_probs=old_log_probs, mask=mask)
    dtype = torch.promote_types(log_probs.dtype, torch.float32)
    token_advantages = (advantages[:, None] if advantages.ndim == 1 else advantages).to(log_probs.device, dtype)
    if token_advantages.shape not in (log_probs.shape, (len(log_probs), 1)):
        raise ArgumentError(f"advantages: {tuple(advantages.shape)} does not fit log_probs {tuple(log_probs.shape)}")
    # The clamp also keeps what padding holds out of the gradient: NaN and infinities get 0 from it, not 0 · NaN.
    log_ratio = (log_probs - old_log_probs).clamp(-_LOG_LIMIT, _LOG_LIMIT)
    losses, clipped = _clipped(log_ratio.exp(), token_advantages, clip_low, clip_high, dual_clip)
    policy = averaged(losses, mask, average)
    if reference_log_probs is None:
        kl = torch.zeros_like(policy)
    else:
        _same_shape(log_probs, reference_log_probs=reference_log_probs)
        kl = averaged(token_kl(log_probs, reference_log_probs), mask, average)
    share = averaged(clipped.to(log_probs.dtype), mask, "token")
    return PolicyLoss(policy + kl_weight * kl, policy.detach(), kl.detach(), share.detach())


def _clipped(ratio: Tensor, advantages: Tensor, low: float, high: float, dual: float | None) -> tuple[Tensor, Tensor]:
    free = -advantages * ratio
    bound = -advantages * ratio.clamp(1.0 - low, 1.0 + high)
    losses = torch.maximum(free, bound)
    if dual is not None:
        losses = torch.where(advantages < 0.0, torch.minimum(losses, -advantages * dual), losses)
    return losses, bound > free


def _same_shape(expected: Tensor, **others: Tensor) -> None:
    for name, tensor in others.items():
        if tensor.shape != expected.shape:
            raise ArgumentError(f"{name}: expected shape {tuple(expected.shape)}, got {tuple(tensor.shape)}")

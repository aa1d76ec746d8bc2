"""The trainer on verl's V1 trainer: advantages by task, groups filtered by accuracy, curves of each task.

    python -m onethinker_rewards.trainer.verl data.train_files=train.parquet +onethinker.estimator=ema_grpo …

takes verl's own overrides, and those of `Options` under ``onethinker``. Nothing here imports verl, vLLM or Ray before
it is used.
"""

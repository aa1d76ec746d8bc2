"""Which estimator when: small policies trained on small tasks of the library, and compared.

Read `conditions` first, which says what is compared and what was predicted. `world` draws the tasks, `policy` answers
them, `sft` trains a start and `rl` a run; `analysis` has the statistics, `report` the page. `make study` runs it all.
"""

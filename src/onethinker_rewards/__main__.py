"""``python -m onethinker_rewards``: the command line."""

from onethinker_rewards.cli import main

if __name__ == "__main__":
    main(prog_name="onethinker-rewards")

"""The reward over HTTP, for trainers that ask a server for it; needs the extra ``serve``.

`create_app` returns an ASGI application around a `RowScorer`, and `serve` runs one until it is told to stop. The
command ``onethinker-rewards serve`` does both.

`contracts` has what each framework sends and expects, `scoring` collects the rows of all requests into batches,
`gate` refuses what is too much, too large, too slow or unauthorized, `metrics` counts, `run` starts and drains.
"""

from onethinker_rewards.server.app import create_app
from onethinker_rewards.server.gate import ServerSettings
from onethinker_rewards.server.run import bind, serve

__all__ = ["ServerSettings", "bind", "create_app", "serve"]

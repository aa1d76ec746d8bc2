"""The options that say which endpoint is asked; what is wrong with them is one line."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import orjson

from onethinker_rewards.cli.files import Refused
from onethinker_rewards.trainer.filtering import CARRIERS

if TYPE_CHECKING:
    from onethinker_rewards.trainer.filtering.endpoint import Endpoint

__all__ = ["check_packages", "endpoint_of", "endpoint_options", "identity_of_endpoint"]

_OPTIONS = (
    click.option("--endpoint", metavar="URL", help="Ask there for answers of rows without: http://host:8000/v1."),
    click.option("--model", metavar="NAME", help="Which model to ask; needed with --endpoint."),
    click.option("--samples", type=click.IntRange(min=1), default=1, show_default=True, help="Answers a row."),
    click.option("--temperature", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Of sampling."),
    click.option(
        "--max-tokens", type=click.IntRange(min=1), default=4096, show_default=True, help="Most tokens of an answer."
    ),
    click.option(
        "--media",
        "carrier",
        type=click.Choice(CARRIERS),
        default="data",
        show_default=True,
        help="Images and videos go along, or are named by file URLs.",
    ),
    click.option("--media-root", metavar="DIR", help="Where relative paths start.  [default: the folder of FILE]"),
    click.option("--frames", is_flag=True, help="Videos are folders or lists of frames, not files."),
    click.option(
        "--body", metavar="JSON", help="More keys of a request, such as '{\"top_p\": 0.9}'; null takes one out."
    ),
    click.option(
        "--key-variable",
        default="OPENAI_API_KEY",
        show_default=True,
        metavar="NAME",
        help="The environment variable that holds the API key, if one is needed.",
    ),
    click.option(
        "--concurrency", type=click.IntRange(min=1), default=32, show_default=True, help="Rows asked at a time."
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=600.0,
        show_default=True,
        help="Seconds a request may take.",
    ),
    click.option(
        "--retries", type=click.IntRange(min=0), default=5, show_default=True, help="Attempts after the first."
    ),
)


def endpoint_options(command: Any) -> Any:
    """Give a command the options that say whom to ask, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def endpoint_of(options: dict[str, Any]) -> Endpoint | None:
    """Return whom to ask, and how; None where nobody is asked.

    Args:
        options: The values of `endpoint_options`, by name.

    Raises:
        Refused: If one of them is wrong, or the client is not installed.
    """
    url, model = options["endpoint"], options["model"]
    if url is None:
        if model is not None:
            raise Refused("--model needs --endpoint")
        return None
    _check_url(url)
    if not model:
        raise Refused("--endpoint needs --model, the name that the endpoint knows it by")
    check_packages({"httpx2": "httpx2", "anyio": "anyio"}, "filter")
    from onethinker_rewards.trainer.filtering.endpoint import Endpoint  # noqa: PLC0415 - needs the client

    same = ("samples", "temperature", "carrier", "concurrency", "timeout", "retries")
    return Endpoint(
        url=url,
        model=model,
        most_tokens=options["max_tokens"],
        key=_key(options["key_variable"]),
        body=_body(options["body"]),
        **{name: options[name] for name in same},
    )


def identity_of_endpoint(endpoint: Endpoint | None) -> str:
    """Return what answers depend on: who gives them where, and how patiently, may change."""
    if endpoint is None:
        return ""
    return repr(replace(endpoint, url="", concurrency=1, timeout=1.0, retries=0))


def check_packages(needed: dict[str, str], extra: str) -> None:
    """Pass if packages are installed.

    Args:
        needed: What is imported, and the package that it is in.
        extra: What of ours brings them.

    Raises:
        Refused: If one of them is not there.
    """
    missing = [package for name, package in needed.items() if find_spec(name) is None]
    if missing:
        raise Refused(f"this needs {' and '.join(missing)}: pip install 'onethinker-rewards[{extra}]'")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        sound = False
    if not sound or any(character.isspace() for character in url):
        raise Refused(f"--endpoint {url}: is no http or https URL")


def _key(variable: str) -> str | None:
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        # Without the key: it is a secret.
        raise Refused(f"{variable}: holds no API key: characters that no header can have")
    return key or None


def _body(text: str | None) -> dict[str, Any]:
    try:
        body = {} if text is None else orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(f"--body: is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused("--body: is no JSON object")
    return body

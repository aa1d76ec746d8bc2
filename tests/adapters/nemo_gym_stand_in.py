"""What of NeMo-Gym touches the adapter, written anew: the package needs a newer Python than the tests have.

From nemo-gym 0.7.0: `nemo_gym/base_resources_server.py` and `nemo_gym/judge.py`.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel


class ReverifyMode(StrEnum):
    STATELESS = "stateless"
    UNKNOWN = "unknown"


class BaseResourcesServerConfig(BaseModel):
    REVERIFY_MODE: ClassVar[ReverifyMode] = ReverifyMode.UNKNOWN
    host: str
    port: int
    entrypoint: str
    domain: str
    name: str


class BaseVerifyRequest(BaseModel):
    responses_create_params: dict[str, Any]
    response: dict[str, Any]


class BaseMultiRewardVerifyResponse(BaseVerifyRequest):
    reward: float
    reward_components: dict[str, float]


class SimpleResourcesServer(BaseModel):
    ray_enabled: ClassVar[bool | None] = None
    config: BaseResourcesServerConfig
    server_client: Any


class JudgeError(Exception):
    pass


class HTTPException(Exception):  # noqa: N818 - its name
    def __init__(self, status_code: int, detail: str) -> None:
        super().__init__(detail)
        self.status_code, self.detail = status_code, detail


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the adapter find these under the packages' names."""
    servers = (
        ReverifyMode,
        BaseResourcesServerConfig,
        BaseVerifyRequest,
        BaseMultiRewardVerifyResponse,
        SimpleResourcesServer,
    )
    contents = {
        "fastapi": (HTTPException,),
        "nemo_gym": (),
        "nemo_gym.base_resources_server": servers,
        "nemo_gym.judge": (JudgeError,),
    }
    for name, members in contents.items():
        module = ModuleType(name)
        for member in members:
            setattr(module, member.__name__, member)
        monkeypatch.setitem(sys.modules, name, module)

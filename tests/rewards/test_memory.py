"""What a batch frees is kept for the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS_A_BATCH = """
import json, resource
import onethinker_rewards as otr

track = json.dumps({"boxes": {str(second): [1, 2, 300, 400] for second in range(1, 33)}})
responses = [f"<think>{row}</think><answer>{track}</answer>" for row in range(1024)]

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    otr.score(responses, [track] * 1024, "tracking")
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(sorted(faults() for _ in range(9))[4])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in other ways")
def test_memory_is_not_taken_anew_for_every_batch() -> None:
    """Such a batch fills thousands of pages; half of all batches touch hardly any new one."""
    done = subprocess.run([sys.executable, "-c", FAULTS_A_BATCH], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100

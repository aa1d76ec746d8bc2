"""What only a process of its own shows: exit codes, pipes, signals, imports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from onethinker_rewards.cli import main
from tests.cli.runs import GOOD, lines
from tests.waiting import LONGEST

COMMAND = [sys.executable, "-m", "onethinker_rewards"]


def process(*args: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, args)],
        input=stdin,
        capture_output=True,
        timeout=LONGEST,
        check=False,
        env=os.environ | environment,
    )


def test_score_reads_standard_input_and_writes_standard_output() -> None:
    done = process("score", "-", stdin=lines(GOOD))
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 1
    assert b'"total":2.0' in done.stdout
    assert b"Traceback" not in done.stderr


def test_version_and_help() -> None:
    assert process("--version").stdout.startswith(b"onethinker-rewards, version ")
    shown = process("--help").stdout.decode()
    assert [
        line.split()[0] for line in shown.splitlines() if line.startswith("  ") and "Score the rows of a file." in line
    ] == ["score"]
    assert shown.startswith("Usage: onethinker-rewards [OPTIONS] COMMAND")
    unknown = process("judge")
    assert unknown.returncode == 2
    assert b"No such command 'judge'" in unknown.stderr


@pytest.mark.skipif(os.name != "posix" or not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(GOOD))
    done = process("score", source, "--out", "/dev/full")
    assert (done.returncode, done.stderr) == (2, b"Error: /dev/full: No space left on device\n")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "score", source], stdout=full, stderr=subprocess.PIPE, timeout=LONGEST, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"Error: <stdout>: No space left on device\n")


@pytest.mark.skipif(os.name != "posix" or not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "command", ["schema", "prompt ocr What?", "hacks ocr", "train --list", "score --help", "--help", "--version"]
)
def test_a_full_standard_output_is_one_line(command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *command.split()], stdout=full, stderr=subprocess.PIPE, timeout=LONGEST, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"Error: <stdout>: No space left on device\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.touch(mode=0o000)
    done = process("score", source)
    assert (done.returncode, done.stderr) == (2, f"Error: {source}: Permission denied\n".encode())


@pytest.mark.parametrize("command", [["score", "FILE"], ["demo"], ["schema"]], ids=lambda command: command[0])
def test_a_reader_that_leaves_ends_it_quietly(command: list[str], tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(GOOD) * 4200)
    arguments = [str(source) if argument == "FILE" else argument for argument in command]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run([*COMMAND, *arguments], stdout=pipe, stderr=subprocess.PIPE, timeout=LONGEST, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_interrupt_ends_with_130_and_one_line() -> None:
    with subprocess.Popen(
        [*COMMAND, "score", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        # A chunk, so that it is known to be at work, and no more than a pipe holds while it writes.
        running.stdin.write(lines(GOOD) * 1100)
        running.stdin.flush()
        assert running.stdout.readline().startswith(b'{"response"')
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=LONGEST)
    assert (running.returncode, said) == (130, b"Interrupted.\n")


def test_the_demo_survives_a_terminal_without_unicode() -> None:
    done = process("demo", "--all", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"<think>? 142 words ?</think>" in done.stdout


def test_help_waits_for_no_heavy_import() -> None:
    code = (
        "import sys; from onethinker_rewards.cli import main; main(['schema', 'ocr'], standalone_mode=False);"
        "print([name for name in ('rich', 'torch', 'scipy', 'sympy', 'jiwer', 'nltk') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"


def test_help_lists_every_command_without_importing_it() -> None:
    code = (
        "import sys; from onethinker_rewards.cli import main; main(['--help'], standalone_mode=False);"
        "print([name for name in sys.modules if name.startswith('onethinker_rewards.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True, text=True)
    *said, imported = done.stdout.splitlines()
    assert imported == "['onethinker_rewards.cli.messages', 'onethinker_rewards.cli.commands']"
    listed = [line.split()[0] for line in said[said.index("Commands:") :] if re.match("  [a-z]", line)]
    context = click.Context(main)
    assert [command.name for name in listed if (command := main.get_command(context, name))] == listed


def test_the_demo_ships_with_the_package() -> None:
    code = "from onethinker_rewards.cli.demo import read_examples; print(len(read_examples()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True, cwd="/")
    assert int(done.stdout) >= 38


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize(
    ("command", "said"),
    [("score in.jsonl >&-", b"Error: <stdout>: is closed\n"), ("score - <&-", b"Error: <stdin>: is closed\n")],
    ids=["output", "input"],
)
def test_a_closed_stream_is_one_line(tmp_path: Path, command: str, said: bytes) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(GOOD))
    shell = f"{sys.executable} -m onethinker_rewards {command}"
    done = subprocess.run(shell, shell=True, capture_output=True, timeout=LONGEST, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("target", ["/dev/full", "&-"])
@pytest.mark.parametrize(
    ("source", "code"), [("good.jsonl", 0), ("broken.jsonl", 2), ("none.jsonl", 2)], ids=["sound", "broken", "missing"]
)
def test_what_cannot_be_said_does_not_end_a_run(tmp_path: Path, source: str, code: int, target: str) -> None:
    (tmp_path / "good.jsonl").write_bytes(lines(GOOD))
    (tmp_path / "broken.jsonl").write_bytes(lines(*["{"] * 30, GOOD))
    shell = f"{sys.executable} -m onethinker_rewards score {source} --out out.jsonl 2>{target}"
    done = subprocess.run(shell, shell=True, stdout=subprocess.PIPE, timeout=LONGEST, check=False, cwd=tmp_path)
    assert done.returncode == code
    if source != "none.jsonl":
        assert b'"total":2.0' in (tmp_path / "out.jsonl").read_bytes()


INTERRUPTED_IMPORT = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{name}":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["{program}", "prompt", "ocr", "What?"]
from onethinker_rewards.cli import main
main()
"""


@pytest.mark.parametrize("program", ["-m", "/usr/bin/onethinker-rewards"])
@pytest.mark.parametrize("name", ["numpy", "onethinker_rewards.cli.commands", "onethinker_rewards.cli.prompt"])
def test_an_interrupt_while_python_imports_ends_quietly(name: str, program: str) -> None:
    code = INTERRUPTED_IMPORT.format(name=name, program=program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_a_program_that_imports_the_library_keeps_its_interrupts() -> None:
    code = "import signal, onethinker_rewards; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True)
    assert done.stdout == b"True\n"

"""README.md says what works: its commands are those of CI, its example is a service."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from protocols.rpc.service import load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_command_that_passes_the_tests() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    (command,) = [command for command in commands if "tox" in command]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command.replace("python3 -m venv", '"$python" -m venv') in ci


def test_the_service_of_your_own_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(from protocols\.rpc import Service\n.*?)```", README, re.DOTALL)
    assert code is not None
    (tmp_path / "weather.py").write_text(code[1], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    service = load("weather:service")
    assert service.methods["wind_chill"].function(-5.0, 30.0) == -13.0
    assert "-13.0" in README
    sys.modules.pop("weather")

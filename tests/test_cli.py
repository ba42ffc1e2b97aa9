"""The command line."""

import os
import subprocess
import sys

import pytest

import pullback
from pullback import cli
from pullback.show import extras


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"pullback {pullback.__version__}\n"


def test_the_regression_runs_and_writes_where_it_is_told(capsys, tmp_path):
    assert cli.main(["demo", "regression", "--output", str(tmp_path)]) == 0
    assert "slopes     (2.000000, -3.000000)" in capsys.readouterr().out
    assert (tmp_path / "regression-loss.png").exists()


def test_a_demo_without_a_name_runs_all_three(capsys, monkeypatch):
    ran = []
    monkeypatch.setattr(cli, "DEMOS", {name: lambda output, say, name=name: ran.append(name) for name in cli.DEMOS})
    assert cli.main(["demo"]) == 0
    assert ran == ["digits", "regression", "moons"]


def test_an_unknown_demo_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(["demo", "mnist"])
    assert raised.value.code == 2
    assert "regression" in capsys.readouterr().err


def test_no_command_prints_the_help(capsys):
    assert cli.main([]) == 2
    assert "demo" in capsys.readouterr().out


def test_what_is_not_installed_is_named_before_the_training(capsys, monkeypatch):
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None if name == "sklearn" else name)
    monkeypatch.setattr(cli, "DEMOS", {"digits": None})
    assert cli.main(["demo"]) == 1
    error = capsys.readouterr().err
    assert "sklearn is not installed" in error
    assert "pip install 'pullback[demo]'" in error


def test_a_folder_that_cannot_be_written_is_a_message_and_not_a_traceback(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert cli.main(["demo", "regression", "--output", str(tmp_path / "file" / "below")]) == 1
    assert "cannot write the pictures" in capsys.readouterr().err


def test_a_terminal_that_lacks_a_letter_does_not_stop_the_run(tmp_path):
    code = "from pullback import cli; raise SystemExit(cli.main(['demo', 'regression']))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=tmp_path, env=environment, check=True)
    assert b"y = 2 x? ? 3 x? + 1" in run.stdout


def test_the_command_is_light_until_it_is_needed():
    code = "import sys, pullback.cli; print([m for m in ('matplotlib', 'rich', 'sklearn') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"

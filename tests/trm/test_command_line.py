"""The command line without a service: commands load when they are asked for and not before; addresses, profiles, findings."""

import re
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import get_args

import pytest
import torch

from tests.openapi import SCHEMAS
from tests.script import SCRIPT, Shell
from trm.cli.commands import COMMANDS, load_command
from trm.cli.diagnosis import machine, reachable, software
from trm.cli.exit_codes import ExitCode
from trm.cli.jobs import Kind, Status
from trm.cli.keys import Scope
from trm.cli.runs import differences
from trm.cli.service.address import Given, find_address
from trm.cli.service.printing import age, show_table
from trm.cli.service.profiles import Profile, Profiles, profiles_file
from trm.errors import NoService, PackageMissing, ProfileError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/command-line.md").read_text()
HEAVY = {"torch", "numpy", "pydantic", "httpx2"}  # what `trm --help` does without


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without profiles, in an empty folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for name in ("TRM_URL", "TRM_API_KEY", "TRM_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_is_listed_is_there(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert command.help


def test_help_lists_all_commands_and_loads_none() -> None:
    code = "import sys, trm.cli; sys.argv = ['trm', '--help']; trm.cli.main()"
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "100"},
    )
    assert [name for name in COMMANDS if not re.search(rf"^│ {name} ", ended.stdout, re.MULTILINE)] == []
    loaded = set(re.findall(r"\| +([\w.]+)$", ended.stderr, re.MULTILINE))
    assert "trm.cli.commands" in loaded
    assert loaded & HEAVY == set()


def test_a_mistyped_command_is_refused_with_its_likeness(home: Path) -> None:
    told = Shell(home, {}).run("jbos", code=ExitCode.USAGE).err
    assert "Did you mean 'jobs'?" in told


@pytest.mark.parametrize(
    ("typed", "completed"), [("trm jo", "jobs"), ("trm jobs wa", "watch"), ("trm jobs list --sta", "--status")]
)
def test_the_shell_completes(home: Path, typed: str, completed: str) -> None:
    words = {"_TRM_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    assert completed in Shell(home, {}).run(environment=words).out.split()


def test_a_command_of_the_server_says_what_to_install_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trm.cli.commands.entry_points", lambda **_: ())
    with pytest.raises(PackageMissing, match="pip install trm-service-server"):
        load_command("up")


def test_the_server_brings_the_commands_that_are_listed_as_its_own() -> None:
    project = tomllib.loads((ROOT / "deploy/server/pyproject.toml").read_text())["project"]
    brought = project["entry-points"]["trm.commands"]
    assert brought.keys() == {name for name, entry in COMMANDS.items() if entry.module is None}
    for group in project["entry-points"].values():
        for name, place in group.items():
            assert callable(EntryPoint(name, place, "").load())


UNUSABLE = {
    "generate taken --count 2": "taken is a file, and a folder is to be made there",
    "train --out taken": "taken is a file",
    "ablate --out taken/below": "Nothing can be written to",
    "inspect taken/below": "is not a checkpoint",
    "solve 4...366.....3.524121.56...3..4546... --picture none/p.svg": "Cannot use none/p.svg: No such file or directory.",
}


@pytest.mark.parametrize(("command", "told"), UNUSABLE.items(), ids=[command.split()[0] for command in UNUSABLE])
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(home: Path, command: str, told: str) -> None:
    (home / "taken").write_text("")
    said = Shell(home, {}).run(*command.split(), code=ExitCode.FAILED).err
    assert told in said
    assert "Training" not in said  # it is told before the work


def test_a_disk_that_is_full_is_told_in_a_sentence(home: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([SCRIPT, "models", "--json"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (ExitCode.FAILED, 1)
    assert "There is no room left" in done.stderr
    assert "[storage_full]" in done.stderr


def test_no_device_of_this_machine_is_asked_of_a_service(home: Path) -> None:
    asked = ("solve", "--remote", "--device", "cpu", "4...366.....3.524121.56...3..4546...")
    assert "A service computes on its own workers" in Shell(home, {}).run(*asked, code=ExitCode.FAILED).err


def test_exit_statuses_are_documented() -> None:
    documented = {int(code): name for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.MULTILINE)}
    assert documented == {int(code): code.name for code in ExitCode}


def test_choices_are_those_of_the_api() -> None:
    assert [*get_args(Status)] == SCHEMAS["JobStatus"]["enum"]
    assert [*get_args(Kind)] == SCHEMAS["JobKind"]["enum"]
    assert [scope.value for scope in Scope] == SCHEMAS["Scope"]["enum"]


def test_the_address_is_the_options_then_the_environments_then_a_profiles_then_the_stacks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoService, match="trm login"):
        find_address(Given())
    (home / ".data").mkdir()
    (home / ".data/stack.json").write_text('{"api": "http://stack"}')
    assert find_address(Given()).url == "http://stack"
    Profiles(
        current="b", profiles={"a": Profile(url="http://a", api_key="A"), "b": Profile(url="http://b", api_key="B")}
    ).save()
    assert (find_address(Given()).url, find_address(Given()).api_key) == ("http://b", "B")
    monkeypatch.setenv("TRM_URL", "http://environment/")
    assert (find_address(Given()).url, find_address(Given()).api_key) == ("http://environment", None)
    monkeypatch.setenv("TRM_API_KEY", "E")
    assert find_address(Given()).api_key == "E"
    by_profile = find_address(Given(profile="a"))
    assert (by_profile.url, by_profile.api_key) == ("http://a", "A")
    by_option = find_address(Given(url="option:80", api_key="O", profile="a"))
    assert (by_option.url, by_option.api_key) == ("http://option:80", "O")


def test_a_profiles_key_is_sent_to_its_own_service_alone() -> None:
    Profiles(current="a", profiles={"a": Profile(url="http://a", api_key="A")}).save()
    assert find_address(Given(url="http://elsewhere")).api_key is None
    assert find_address(Given(url="http://elsewhere", profile="a")).api_key is None
    assert find_address(Given(url="http://a/")).api_key == "A"
    assert "A" not in repr(find_address(Given())).replace("Address(", "")


def test_of_two_profiles_of_a_service_the_newest_is_used() -> None:
    profiles = {name: Profile(url="http://a", api_key=name) for name in ("older", "newer")}
    Profiles(current="newer", profiles=profiles).save()
    assert find_address(Given()).api_key == "newer"
    assert find_address(Given(profile="older")).api_key == "older"


def test_profiles_are_their_owners_alone() -> None:
    file = Profiles(profiles={"a": Profile(url="http://a", api_key="A")}).save()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o644)
    assert stat.S_IMODE(Profiles().save().stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["{", "[]", '{"profiles": {"a": {}}}'])
def test_a_damaged_file_of_profiles_is_told(content: str) -> None:
    Profiles().save()
    profiles_file().write_text(content)
    with pytest.raises(ProfileError, match="cannot be read"):
        find_address(Given())


def test_a_profile_that_is_not_there_is_told_with_its_likeness() -> None:
    Profiles(profiles={"laptop": Profile(url="http://a")}).save()
    with pytest.raises(ProfileError, match="Did you mean 'laptop'"):
        find_address(Given(profile="labtop"))


@pytest.mark.parametrize(("width", "columns"), [(20, 1), (34, 2), (46, 3), (80, 3)])
def test_tables_have_the_columns_that_fit(
    width: int, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = {
        "id": lambda row: f"job_{row:016}",
        "status": lambda _: "succeeded",
        "name": lambda _: "a name of thirty letters, long",
    }
    show_table(range(3), shown, "nothing")
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == [*shown][:columns]
    assert [row.split()[0] for row in rows] == [f"job_{row:016}" for row in range(3)]
    assert max(map(len, rows)) <= max(width, 20)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_300, "2 h"), (90_000, "1 d"), (-5, "0 s")]
)
def test_ages_are_told_in_their_largest_unit(seconds: int, told: str) -> None:
    assert age(datetime.now(UTC) - timedelta(seconds=seconds)) == told


def test_runs_differ_in_their_settings() -> None:
    one = {"preset": "a", "train": {"steps": 1, "seed": 0}, "model": {"scales": [1, 2]}}
    other = {"preset": "a", "train": {"steps": 2, "seed": 0}, "model": {}}
    assert differences([one, other, one]) == {"train.steps": [1, 2, 1], "model.scales": [[1, 2], None, [1, 2]]}


def test_versions_are_compared_with_the_pins(tmp_path: Path) -> None:
    pins = tmp_path / "constraints.txt"
    pins.write_text(f"# comment\nnumpy==0.1\ntorch=={torch.__version__.split('+')[0]}\nnot-installed==1.0\n")
    found = software.examine_versions(pins)
    assert (found.verdict, "numpy" in found.found, "torch" in found.found) == ("warn", True, False)
    assert found.mend
    pins.write_text("not-installed==1.0\n")
    assert software.examine_versions(pins).verdict == "ok"


def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = software.examine_compiler()
    assert (found.verdict, found.found) == ("warn", "no g++ or clang++ on the PATH: large models train slower")


def test_a_gpu_that_torch_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = machine.examine_gpu()
    assert found.verdict == "fail"
    assert found.found.startswith("NVIDIA H100 80GB HBM3")
    assert found.mend


def test_the_disk_is_that_of_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRM_DATA_DIR", str(tmp_path / "a/b"))
    monkeypatch.setattr(machine, "LITTLE", 1 << 60)
    found = machine.examine_disk()
    assert (found.verdict, str(tmp_path) in found.found) == ("warn", True)


@pytest.mark.parametrize(
    ("date", "verdict", "told"),
    [
        (timedelta(), "ok", "agrees"),
        (timedelta(minutes=5), "warn", " s behind"),
        (timedelta(minutes=-5), "warn", "s ahead of"),
    ],
)
def test_the_clock_is_compared_with_the_services(date: timedelta, verdict: str, told: str) -> None:
    header = (datetime.now(UTC) + date).strftime("%a, %d %b %Y %H:%M:%S GMT")
    found = reachable._judge_clock(header)
    assert found.verdict == verdict
    assert told in found.found


@pytest.mark.parametrize(("state", "verdict"), [("ok", "ok"), ("schema_behind", "fail"), ("schema_ahead", "fail")])
def test_the_schema_is_judged(state: str, verdict: str) -> None:
    assert reachable._judge_schema(state).verdict == verdict


def test_no_service_is_a_warning() -> None:
    [found] = reachable.examine_service(Given())
    assert (found.check, found.verdict) == ("service", "warn")
    [found] = reachable.examine_service(Given(url="http://127.0.0.1:9"))
    assert (found.verdict, "does not answer" in found.found) == ("fail", True)


def test_modules_of_the_command_line_load_no_torch_before_they_are_asked() -> None:
    """Those that speak to a service: a laptop without torch has them."""
    modules = ["jobs", "runs", "submit", "keys", "login", "models", "datasets", "doctor", "service.solving"]
    code = f"import sys, importlib; [importlib.import_module('trm.cli.' + m) for m in {modules}]; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

"""Prefect's settings are read as Prefect itself reads them: both ways, over one table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.recorders import prefect_settings

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:4200/api"
OTHER = "https://prefect.example/api"


REFUSED = {
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": ("perhaps", "boolean"),
    "PREFECT_CLIENT_CUSTOM_HEADERS": ("no JSON", "custom_headers"),
}


@dataclass(frozen=True)
class Case:
    """An environment and the files of a folder; `$` stands for the folder's path."""

    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    asks: bool = False


def profile(text: str, active: str = 'active = "p"') -> dict[str, str]:
    """A profiles.toml of one profile."""
    return {"home/profiles.toml": f"{active}\n[profiles.p]\n{text}\n"}


CASES = {
    "nothing": Case(),
    "environment": Case({"PREFECT_API_URL": URL, "PREFECT_API_KEY": "k"}),
    "every variable": Case(
        {
            "PREFECT_API_URL": URL,
            "PREFECT_API_KEY": "k",
            "PREFECT_API_AUTH_STRING": "a:b",
            "PREFECT_CLIENT_CUSTOM_HEADERS": '{"X-A": "1"}',
            "PREFECT_API_SSL_CERT_FILE": "/ca.pem",
            "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "True",
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "no",
            "PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": "pool",
            "PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE": "reg/ns",
        }
    ),
    "old names": Case(
        {
            "PREFECT_DEFAULT_WORK_POOL_NAME": "old",
            "PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE": "old",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "0",
        }
    ),
    "new names beat old ones": Case(
        {
            "PREFECT_DEFAULT_WORK_POOL_NAME": "old",
            "PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": "new",
        }
    ),
    "an empty new name beats an old one": Case(
        {
            "PREFECT_DEFAULT_WORK_POOL_NAME": "old",
            "PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": "",
        }
    ),
    "empty": Case(
        {"PREFECT_API_URL": "", "PREFECT_API_KEY": ""}, profile(f'PREFECT_API_URL="{URL}"')
    ),
    "profile": Case({}, profile(f'PREFECT_API_URL = "{URL}"\nPREFECT_API_KEY = "k"')),
    "profile with flags": Case(
        {},
        profile(
            'PREFECT_API_TLS_INSECURE_SKIP_VERIFY = true\nPREFECT_SERVER_EPHEMERAL_ENABLED="f"'
        ),
    ),
    "profile with headers": Case({}, profile("""PREFECT_CLIENT_CUSTOM_HEADERS = '{"X": "y"}'""")),
    "environment beats profile": Case(
        {"PREFECT_API_URL": OTHER}, profile(f'PREFECT_API_URL="{URL}"')
    ),
    "an old name in the environment beats a new one in the profile": Case(
        {"PREFECT_DEFAULT_WORK_POOL_NAME": "env"},
        profile('PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME = "profile"'),
    ),
    "a new name in the environment beats an old one in the profile": Case(
        {"PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": "env"},
        profile('PREFECT_DEFAULT_WORK_POOL_NAME = "profile"'),
    ),
    "both names in the profile": Case(
        {},
        profile(
            'PREFECT_DEFAULT_WORK_POOL_NAME = "old"\n'
            'PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME = "new"'
        ),
    ),
    "small letters in the profile": Case({}, profile(f'prefect_api_url = "{URL}"')),
    "PREFECT_PROFILE": Case(
        {"PREFECT_PROFILE": "p"}, profile(f'PREFECT_API_URL = "{URL}"', 'active = "other"')
    ),
    "a profile that is not there": Case(
        {"PREFECT_PROFILE": "other"}, profile(f'PREFECT_API_URL = "{URL}"')
    ),
    "no active profile": Case({}, profile(f'PREFECT_API_URL = "{URL}"', "")),
    "a profile of Prefect's own template": Case({"PREFECT_PROFILE": "local"}),
    "PREFECT_PROFILES_PATH": Case(
        {"PREFECT_PROFILES_PATH": "$/mine.toml"},
        {"mine.toml": f'active = "p"\n[profiles.p]\nPREFECT_API_URL = "{URL}"\n'},
    ),
    "a relative PREFECT_PROFILES_PATH": Case(
        {"PREFECT_PROFILES_PATH": "mine.toml"},
        {"mine.toml": f'active = "p"\n[profiles.p]\nPREFECT_API_URL = "{URL}"\n'},
    ),
    "the home folder": Case(
        {"PREFECT_HOME": "", "HOME": "$"},
        {".prefect/profiles.toml": f'active = "p"\n[profiles.p]\nPREFECT_API_URL = "{URL}"\n'},
    ),
    "small letters": Case({"prefect_api_url": URL}, asks=True),
    "a group as JSON": Case({"PREFECT_API": f'{{"url": "{URL}"}}'}, asks=True),
    ".env": Case({}, {".env": f"PREFECT_API_URL={URL}\n"}, asks=True),
    "environment beats .env": Case(
        {"PREFECT_API_URL": OTHER}, {".env": f"PREFECT_API_URL={URL}\n"}, asks=True
    ),
    ".env of others": Case({}, {".env": "DATABASE_URL=x\n"}),
    "a profiles path in .env": Case(
        {},
        {
            ".env": "PREFECT_PROFILES_PATH=mine.toml\n",
            "mine.toml": f'active = "p"\n[profiles.p]\nPREFECT_API_URL = "{URL}"\n',
        },
        asks=True,
    ),
    "prefect.toml": Case({}, {"prefect.toml": f'[api]\nurl = "{URL}"\n'}, asks=True),
    "pyproject.toml": Case(
        {},
        {"pyproject.toml": '[tool.prefect.deployments]\ndefault_work_pool_name = "p"\n'},
        asks=True,
    ),
    "pyproject.toml of others": Case({}, {"pyproject.toml": '[tool.x]\ny = "prefect"\n'}),
    "SSL_CERT_FILE": Case({"SSL_CERT_FILE": "/system.pem"}),
    "a certificate file beats SSL_CERT_FILE": Case(
        {"SSL_CERT_FILE": "/system.pem", "PREFECT_API_SSL_CERT_FILE": "/mine.pem"}
    ),
    "an empty certificate file": Case(
        {"SSL_CERT_FILE": "/system.pem", "PREFECT_API_SSL_CERT_FILE": ""}
    ),
}

# Prefect is imported once; then each case is a fork of it, as importing it takes seconds. What it
# read of the environment at its import is read again.
_ASK_ALL = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import prefect.settings
from imagebuild.recorders import prefect_jobs
for folder, env in json.load(sys.stdin):
    sys.stdout.flush()
    if os.fork() == 0:
        os.environ.clear()
        os.environ.update(env)
        os.chdir(folder)
        prefect.settings.sources.DEFAULT_PREFECT_HOME = Path.home() / ".prefect"
        api = prefect.settings.models.api.APISettings
        api.model_fields["ssl_cert_file"].default = os.environ.get("SSL_CERT_FILE")
        api.model_rebuild(force=True)
        from prefect.context import SettingsContext
        SettingsContext.get = lambda: None
        print(json.dumps(prefect_jobs.settings({})))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def prepared(folder: Path, case: Case) -> dict[str, str]:
    """Write a case's files; the environment that goes with them."""
    (folder / "home").mkdir(parents=True)
    for name, text in case.files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    env = {"HOME": str(folder), "PREFECT_HOME": str(folder / "home"), "PATH": os.defpath}
    return env | {key: value.replace("$", str(folder)) for key, value in case.env.items()}


@pytest.fixture(scope="module")
def by_prefect(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Each case's folder, and what Prefect itself reads there."""
    top = tmp_path_factory.mktemp("settings")
    folders = {name: top / str(number) for number, name in enumerate(CASES)}
    asked = [(str(folders[name]), prepared(folders[name], case)) for name, case in CASES.items()]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-c", _ASK_ALL],
        input=json.dumps(asked),
        env=env | {"PREFECT_HOME": str(top / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(CASES), done.stderr
    return {name: (folders[name], answer) for name, answer in zip(CASES, said, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_the_settings_are_those_that_prefect_reads(
    name: str, by_prefect: dict[str, tuple[Path, dict[str, Any]]]
) -> None:
    """And Prefect is asked only where it has to be."""
    folder, expected = by_prefect[name]
    asked = []

    def ask(job: str, *_: object) -> dict[str, Any]:
        asked.append(job)
        return expected

    case = CASES[name]
    env = {"HOME": str(folder), "PREFECT_HOME": str(folder / "home")}
    env |= {key: value.replace("$", str(folder)) for key, value in case.env.items()}
    assert asdict(prefect_settings.read(env, folder, ask)) == expected
    assert asked == (["settings"] if case.asks else [])


def test_prefect_is_asked_in_the_folder_and_environment_given(tmp_path: Path) -> None:
    """The whole way once: a .env that this process does not stand beside."""
    env = prepared(tmp_path / "f", Case({}, {".env": f"PREFECT_API_URL={URL}\n"}))
    assert prefect_settings.read(env, tmp_path / "f").api_url == URL


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_prefect_refuses_are_refused_with_its_words(
    name: str, tmp_path: Path
) -> None:
    """A word that is neither true nor false, and headers that are no JSON."""
    value, said = REFUSED[name]
    env = prepared(tmp_path / "f", Case({name: value}))
    with pytest.raises(UsageError, match="cannot read Prefect's settings") as caught:
        prefect_settings.read(env, tmp_path / "f")
    assert any(said in cause for cause in caught.value.causes)

"""Credentials are found where AWS's libraries find them, kept while they are good, and missed in words that say what to do."""

import json
import os
import shutil
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyclone_core.aws.lean import kept, profiles
from cyclone_core.aws.lean.chain import Chain
from cyclone_core.errors import CredentialsUnusable
from tests.lean.peer import good, peer

WORD = st.text("abcXYZ0189_-.", min_size=1, max_size=8)
VALUE = st.text("abc XYZ019=:;#/\"'[]", max_size=12).map(str.strip)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine's own configuration counts."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path / "cyclone"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path


def configure(home: Path, config: str = "", credentials: str = "") -> None:
    """Write the user's AWS configuration."""
    (home / ".aws" / "config").write_text(config)
    (home / ".aws" / "credentials").write_text(credentials)


def in_an_hour(seconds: float = 3600) -> str:
    """A time as AWS writes it."""
    return datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count, unless a profile was asked for."""
    configure(home, credentials="[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    found = Chain()()
    assert (found.key, found.secret, found.token) == ("AKENV", "secret", "token")
    assert Chain("default")().key == "AKFILE"
    assert "secret" not in repr(found)


def test_half_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without its secret."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    with pytest.raises(CredentialsUnusable, match="AWS_SECRET_ACCESS_KEY is missing"):
        Chain()()


def test_of_a_profile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that the environment names; keys of the credentials file count before those of the configuration."""
    config = (
        "[default]\nregion = x\n[profile 'my work']\naws_access_key_id=OLD\naws_secret_access_key=old\ns3 =\n  addressing_style = path\n"
    )
    configure(home, config, "# mine\n[my work]\nAWS_Access_Key_Id=AKWORK\naws_secret_access_key = a=b/+c\naws_session_token=t\n")
    monkeypatch.setenv("AWS_PROFILE", "my work")
    found = Chain()()
    assert (found.key, found.secret, found.token) == ("AKWORK", "a=b/+c", "t")


def test_an_unknown_profile(home: Path) -> None:
    """Is told, with how to make it."""
    with pytest.raises(CredentialsUnusable, match=r"there is no profile nope in your AWS configuration.* aws configure --profile nope"):
        Chain("nope")()


def test_a_malformed_file(home: Path) -> None:
    """Is named."""
    configure(home, "what is this\n")
    with pytest.raises(CredentialsUnusable, match=r"\.aws/config is malformed"):
        Chain()()


def test_none(home: Path) -> None:
    """What to do."""
    with pytest.raises(CredentialsUnusable, match=r"there are no AWS credentials\. Set some up: aws configure"):
        Chain()()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(WORD, st.dictionaries(WORD, VALUE, max_size=4), max_size=4), st.sampled_from(["=", " = ", ":", " :"]))
def test_files_are_read_as_the_library_reads_them(home: Path, sections: dict[str, dict[str, str]], between: str) -> None:
    """Any settings."""
    loader = pytest.importorskip("botocore.configloader")
    lines = [
        line
        for name, values in sections.items()
        for line in (f"[{name}]", "; a remark", *(f"{key}{between}{value}" for key, value in values.items()), "")
    ]
    path = home / "file"
    path.write_text("\n".join(lines))
    theirs = loader.raw_config_parse(str(path))
    assert profiles.read_sections(str(path)) == {
        name: {key: str(value) for key, value in values.items()} for name, values in theirs.items()
    }


def test_of_a_program(home: Path) -> None:
    """What it prints, until shortly before it expires."""
    answer = {"Version": 1, "AccessKeyId": "AKPROC", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": in_an_hour()}
    (home / "say").write_text(f"#!/bin/sh\necho x >> {home}/calls\ncat <<'E'\n{json.dumps(answer)}\nE\n")
    (home / "say").chmod(0o755)
    configure(home, f"[profile p]\ncredential_process = {home}/say 'a b'\n")
    chain = Chain("p")
    assert chain().key == chain().key == "AKPROC"
    assert (home / "calls").read_text() == "x\n"


@pytest.mark.parametrize(
    ("command", "why"),
    [("false", "it failed"), ("echo hello", "printed no credentials"), ("/nowhere/x", "cannot be started"), ("echo '{}'", "of version 1")],
)
def test_a_program_that_prints_none(home: Path, command: str, why: str) -> None:
    """Is told; what it printed is not shown, it may hold a key."""
    configure(home, f"[profile p]\ncredential_process = {command}\n")
    with pytest.raises(CredentialsUnusable, match=f"profile p cannot be used: credential_process: .*{why}") as caught:
        Chain("p")()
    assert "hello" not in str(caught.value)


def test_of_a_container(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked with the token, again shortly before they expire; while they are good, failures do no harm."""

    def answer(seconds: float) -> bytes:
        return good(json.dumps({"AccessKeyId": "AK", "SecretAccessKey": "s", "Token": "t", "Expiration": in_an_hour(seconds)}).encode())

    (home / "token").write_text("secret-token\n")
    with peer(answer(200), good(status="500 x"), good(status="500 x"), good(status="500 x"), answer(3600)) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/role?x=1")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(home / "token"))
        chain = Chain()
        first = chain()
        assert chain() is first  # nobody has longer ones: not asked again at once
        chain.forget()
        with pytest.raises(CredentialsUnusable, match="this machine's role cannot be used: it answers with status 500"):
            chain()
        assert chain().expires_s > first.expires_s
    assert server.asked[0].line == "GET /role?x=1 HTTP/1.1"
    assert server.asked[0].headers["authorization"] == "secret-token"


def test_tokens_are_not_sent_to_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption, only to this machine and the container's agent."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/role")
    with pytest.raises(CredentialsUnusable, match=r"example\.com is asked without encryption"):
        Chain()()


def test_of_an_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the second version of its protocol, with a token."""
    keys = {"Code": "Success", "AccessKeyId": "AKEC2", "SecretAccessKey": "s", "Token": "t", "Expiration": in_an_hour()}
    with peer(good(b"TOKEN"), good(b"my-role"), good(json.dumps(keys).encode())) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        assert Chain()().key == "AKEC2"
    lines = [asked.line.split(" ")[:2] for asked in server.asked]
    assert lines == [
        ["PUT", "/latest/api/token"],
        ["GET", "/latest/meta-data/iam/security-credentials/"],
        ["GET", "/latest/meta-data/iam/security-credentials/my-role"],
    ]
    assert server.asked[2].headers["x-aws-ec2-metadata-token"] == "TOKEN"


def test_what_the_library_finds_is_kept(home: Path) -> None:
    """A role: found by AWS's library once, kept for this user alone, found again when the configuration changes."""
    pytest.importorskip("boto3", reason="roles are assumed by AWS's library")
    sts = (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        f"<SessionToken>t</SessionToken><Expiration>{in_an_hour()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    with peer(good(sts.encode(), "content-type: text/xml")) as server:
        config = f"[profile r]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\nregion = us-east-1\nendpoint_url = {server.url}\n"
        keys = "[base]\naws_access_key_id = AK\naws_secret_access_key = s\n"
        configure(home, config, keys)
        assert Chain("r")().key == Chain("r")().key == "AKROLE"
        assert len(server.asked) == 1
        (file,) = (home / "cyclone" / "cache" / "credentials").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        shutil.rmtree(home / ".aws" / "cli")  # the library keeps it too
        configure(home, f"{config}# changed\n", keys)
        assert Chain("r")().key == "AKROLE"
        assert len(server.asked) == 2


def test_a_readable_file_is_not_used(home: Path) -> None:
    """Whoever can read it may have written it."""
    path = Path(kept._path("r"))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(["AK", "s", "t", time.time() + 3600]))
    path.chmod(0o644)
    assert kept._read(str(path)) is None
    path.chmod(0o600)
    assert kept._read(str(path)) is not None


def test_a_sign_in_that_is_over(home: Path) -> None:
    """The words are those of AWS's library's way: sign in."""
    pytest.importorskip("boto3", reason="single sign-on is AWS's library's")
    configure(
        home, "[profile s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = r\n"
    )
    with pytest.raises(CredentialsUnusable, match="Sign in: aws sso login --profile s"):
        Chain("s")()

"""An account on the sandbox: whose it is, and what happens when it cannot be reached."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("botocore", reason="the tests of the aws room need the extra test")

from cyclone_core.aws.account import Account, Endpoint, Identity, _loader, profiles
from cyclone_core.aws.client import Patience
from cyclone_core.errors import AccessDenied, AwsError, CredentialsUnusable, RegionUnavailable
from cyclone_core.operations.sandbox import Faults, RequestFault
from tests.aws import Sandbox, credentials_file, policy

SetFaults = Callable[[Faults], None]
QUICK = Patience(connect_s=1.0, read_s=0.5, attempts=1, throttled_s=0.5, longest_wait_s=0.1)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with somebody's AWS configuration, which is empty at first."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def test_who_asks(aws: Sandbox) -> None:
    """The account's number and the caller."""
    found = aws.account().identity()
    assert found == Identity("123456789012", "arn:aws:iam::123456789012:root")
    assert found.is_root


def test_the_principal_of_a_session() -> None:
    """The role that was assumed."""
    session = Identity("1", "arn:aws-cn:sts::1:assumed-role/deployer/ada", "aws-cn")
    assert session.principal == "arn:aws-cn:iam::1:role/deployer"


def test_another_account_than_expected(aws: Sandbox) -> None:
    """A host's stacks are never made in the wrong account."""
    with pytest.raises(CredentialsUnusable, match="belong to account 123456789012, and account 210987654321 is wanted") as found:
        aws.account(expected="210987654321").identity()
    assert found.value.code == "WrongAccount"


def test_the_sandbox_is_reached_whatever_the_environment_says(aws: Sandbox, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its keys nor its proxy, region or profiles count."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-another-account")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    role = "role_arn = arn:aws:iam::210987654321:role/other\nsource_profile = cyclone-sandbox"
    (files / "config").write_text(f"[profile cyclone-sandbox]\n{role}\n")
    account = aws.account()
    assert account.identity().account == "123456789012"
    assert account.default_region == "us-east-1"


def test_no_credentials(files: Path) -> None:
    """The commands that set them up."""
    with pytest.raises(CredentialsUnusable, match=r"there are no AWS credentials.*aws configure"):
        Account().identity()


def test_an_unknown_profile(files: Path) -> None:
    """Named, with the command that makes it."""
    with pytest.raises(CredentialsUnusable, match=r"there is no profile work .*aws configure --profile work"):
        Account("work").identity()


def test_an_unknown_profile_of_the_shell(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words, also where nothing else was asked of AWS before."""
    monkeypatch.setenv("AWS_PROFILE", "work")
    _loader.cache_clear()
    with pytest.raises(CredentialsUnusable, match=r"there is no profile work .*aws configure --profile work"):
        Account().identity()


def test_a_profile_whose_sign_in_has_expired(files: Path) -> None:
    """The command that signs in."""
    (files / "config").write_text(
        "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session corp]\nsso_start_url = https://corp.example\nsso_region = us-east-1\n"
    )
    with pytest.raises(CredentialsUnusable, match="aws sso login --profile work"):
        Account("work").identity()


def test_a_role_that_wants_a_code_asks_nobody(aws: Sandbox, files: Path) -> None:
    """It says how to answer it instead."""
    role = "role_arn = arn:aws:iam::123456789012:role/r\nmfa_serial = arn:aws:iam::123456789012:mfa/ada\nsource_profile = default\n"
    (files / "config").write_text(f"[profile careful]\n{role}")
    (files / "credentials").write_text(f"[default]\naws_access_key_id = {aws.key}\naws_secret_access_key = {aws.secret}\n")
    with pytest.raises(CredentialsUnusable, match="aws sts get-caller-identity --profile careful"):
        Account("careful").identity()


def test_what_the_environment_says(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `hyper sandbox status` prints it, or anybody's own."""
    for name, value in aws.status.environment.items():
        monkeypatch.setenv(name, value)
    assert Account().identity().is_root


def test_a_profile_that_assumes_a_role(aws: Sandbox, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a deployer does it; its credentials are kept where the `aws` command keeps them."""
    monkeypatch.setenv("HOME", str(files))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    trust = policy({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    role = aws.client("iam", "us-east-1").create_role(RoleName="somebodys", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    credentials_file(files / "credentials", aws.user({"Action": "sts:AssumeRole", "Resource": "*"}))
    (files / "config").write_text(f"[profile deployer]\nrole_arn = {role}\nsource_profile = cyclone-sandbox\nregion = us-east-1\n")
    found = Account("deployer").identity()
    assert (found.principal, found.is_root) == (role, False)
    assert list((files / ".aws/cli/cache").iterdir())


def test_keys_that_nobody_knows(aws: Sandbox, tmp_path: Path) -> None:
    """As those of an earlier sandbox."""
    keys = credentials_file(tmp_path / "keys", {"aws_access_key_id": "AKIAOLDOLDOLDOLDOLD1", "aws_secret_access_key": "x" * 40})
    with pytest.raises(CredentialsUnusable, match="hyper sandbox start") as found:
        Account(endpoint=aws.door(keys)).identity()
    assert "x" * 40 not in str(found.value)


def test_profiles_of_the_configuration(files: Path) -> None:
    """By name, with what they say about themselves."""
    (files / "config").write_text("[profile work]\nregion = eu-west-1\nsso_start_url = https://x\nsso_account_id = 123456789012\n")
    (files / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    found = {profile.name: (profile.kind, profile.region, profile.account) for profile in profiles()}
    assert found == {"default": ("keys", "", ""), "work": ("sso", "eu-west-1", "123456789012")}


def test_a_malformed_configuration(files: Path) -> None:
    """No profiles to choose from, and a message that names the file."""
    (files / "config").write_text("[profile work\nregion")
    assert profiles() == ()
    with pytest.raises(CredentialsUnusable, match="config is malformed"):
        Account("work").identity()


def test_throttling_is_outlasted(aws: Sandbox, faults: SetFaults, region: str) -> None:
    """For longer than the library's own few attempts, in every request and page."""
    before = list(aws.account().client("cloudformation", region).all("DescribeStacks", "Stacks"))
    faults(Faults(requests=[RequestFault("cloudformation", region=region, code="Throttling")]))
    end = threading.Timer(3.0, lambda: aws.set_faults(Faults()))
    end.start()
    account = aws.account(patience=Patience(attempts=1, throttled_s=20.0, longest_wait_s=0.3))
    assert list(account.client("cloudformation", region).all("DescribeStacks", "Stacks")) == before
    end.join()


def test_throttling_that_does_not_end(aws: Sandbox, faults: SetFaults, region: str) -> None:
    """Is said after the time that it is given."""
    faults(Faults(requests=[RequestFault("cloudformation", region=region, code="Throttling")]))
    with pytest.raises(AwsError, match="too many requests") as found:
        aws.account(patience=QUICK).client("cloudformation", region).ask("DescribeStacks")
    assert found.value.code == "Throttling"


def test_patience_outlasts_half_a_minute() -> None:
    """What an account does unless it is told otherwise."""
    assert Patience().throttled_s >= 45


def test_credentials_that_expire(aws: Sandbox, faults: SetFaults, region: str) -> None:
    """In the middle of something, too."""
    client = aws.account(patience=QUICK).client("cloudformation", region)
    client.ask("DescribeStacks")
    faults(Faults(requests=[RequestFault("cloudformation", code="ExpiredToken", status=403)]))
    with pytest.raises(CredentialsUnusable, match="have expired"):
        client.ask("DescribeStacks")


def test_a_region_that_does_not_answer_in_time(aws: Sandbox, faults: SetFaults, region: str) -> None:
    """Is named; another one answers."""
    faults(Faults(requests=[RequestFault("cloudformation", region=region, delay_s=3.0)]))
    account = aws.account(patience=QUICK)
    with pytest.raises(RegionUnavailable, match=region):
        account.client("cloudformation", region).ask("DescribeStacks")
    account.client("cloudformation", "sa-east-1").ask("DescribeStacks")


def test_a_region_that_is_not_enabled(aws: Sandbox, faults: SetFaults) -> None:
    """It says that it does not know the keys, which are well elsewhere."""
    faults(Faults(requests=[RequestFault("cloudformation", region="af-south-1", code="UnrecognizedClientException", status=403)]))
    with pytest.raises(RegionUnavailable, match="aws account enable-region --region-name af-south-1"):
        aws.account(patience=QUICK).client("cloudformation", "af-south-1").ask("DescribeStacks")


def test_nobody_listens(aws: Sandbox) -> None:
    """The sandbox was stopped."""
    door = aws.door()
    account = Account(endpoint=Endpoint("http://127.0.0.1:9", door.credentials_file, door.profile), patience=QUICK)
    with pytest.raises(RegionUnavailable, match="hyper sandbox status"):
        account.identity()


def test_a_right_that_is_lacking(aws: Sandbox, tmp_path: Path) -> None:
    """Who lacks which."""
    keys = credentials_file(tmp_path / "keys", aws.user({"Action": "ec2:DescribeRegions", "Resource": "*"}))
    account = Account(endpoint=aws.door(keys))
    account.identity()
    with pytest.raises(AccessDenied, match=r"user/somebody.*may not cloudformation:DescribeStacks") as found:
        account.client("cloudformation", "us-east-1").ask("DescribeStacks")
    assert found.value.action == "cloudformation:DescribeStacks"


def test_regions_of_the_account(aws: Sandbox) -> None:
    """By name."""
    found = aws.account().regions()
    assert {"us-east-1", "eu-west-1"} < set(found)
    assert list(found) == sorted(found)


def test_clients_are_made_once_whoever_asks(aws: Sandbox) -> None:
    """Also by many threads at the same time."""
    account, found = aws.account(), []
    threads = [threading.Thread(target=lambda: found.append(account.client("sqs", "us-east-1"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1


def test_the_default_region(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said here, then by the environment, then by the profile."""
    (files / "config").write_text("[profile work]\nregion = eu-west-1\n")
    assert Account("work").default_region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Account("work").default_region == "eu-west-2"
    assert Account("work", "eu-west-3").default_region == "eu-west-3"


def test_a_sandbox_that_was_stopped(tmp_path: Path) -> None:
    """Its credentials are gone with it."""
    account = Account(endpoint=Endpoint("http://127.0.0.1:9", str(tmp_path / "gone"), "cyclone-sandbox"))
    with pytest.raises(CredentialsUnusable, match="hyper sandbox start"):
        account.identity()

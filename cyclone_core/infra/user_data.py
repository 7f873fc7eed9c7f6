"""What an instance of a cluster of type EC2 does when it starts: get the worker's package, write its variables and unit, start it. Pure.

The script needs bash, systemd, an Internet gateway or the endpoints of S3, and a Python of 3.11 or later, which it installs where `dnf` is
(Amazon Linux 2023). It has no secrets in it: whoever may read an instance's metadata may read it. What it says is in the instance's console
output. An instance on which it fails ends at once; it would cost money and do nothing.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from cyclone_core.infra.targets import Place
from cyclone_core.scheduler.remote import unit_file

MOST_BYTES = 16_384
"""Of user data, before they are encoded (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html)."""
END_OF_VARIABLES = "CYCLONE_VARIABLES"
"""The line after the variables: the sandbox reads them from the script, too."""
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
_INSTALLED = "python3.12"
_ROOT = "/opt/cyclone"
IDLE_S = 120
_PROGRAM = f"import sys; sys.path.insert(0, '{_ROOT}'); from cyclone_core.scheduler.remote.main import main; main()"

FETCH = """
import datetime, hashlib, hmac, json, os, sys, time, urllib.request

bucket, key, region, target = sys.argv[1:5]
metadata = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/") + "/latest/"
server = os.environ.get("AWS_ENDPOINT_URL", "")
host = server.split("//")[-1] or "s3.%s.%s" % (region, "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com")


def ask(url, **options):
    return urllib.request.urlopen(urllib.request.Request(url, **options), timeout=20).read()


def signed(secret, *texts):
    found = ("AWS4" + secret).encode()
    for text in texts:
        found = hmac.new(found, text.encode(), hashlib.sha256).digest()
    return found.hex()


def fetch():
    token = ask(metadata + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"}).decode()
    mine = {"X-aws-ec2-metadata-token": token}
    role = ask(metadata + "meta-data/iam/security-credentials/", headers=mine).decode().split()[0]
    keys = json.loads(ask(metadata + "meta-data/iam/security-credentials/" + role, headers=mine))
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    empty, names = hashlib.sha256(b"").hexdigest(), "host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
    values = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": now, "x-amz-security-token": keys["Token"]}
    path, lines = "/%s/%s" % (bucket, key), "".join("%s:%s\\n" % each for each in values.items())
    request = "\\n".join(("GET", path, "", lines, names, empty))
    scope = "%s/%s/s3/aws4_request" % (now[:8], region)
    text = "\\n".join(("AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = signed(keys["SecretAccessKey"], now[:8], region, "s3", "aws4_request", text)
    who = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (keys["AccessKeyId"], scope, names, signature)
    del values["host"]
    return ask((server or "https://" + host) + path, headers={**values, "Authorization": who})


for attempt in range(int(os.environ.get("ATTEMPTS", "60"))):
    try:
        content = fetch()
    except Exception as exc:
        print("Cyclone: the package of the worker cannot be fetched yet:", exc, flush=True)
        time.sleep(5)
        continue
    with open(target, "wb") as file:
        file.write(content)
    sys.exit(0)
sys.exit(1)
"""
"""Runs before there is anything of Cyclone's: only Python's own modules, and the credentials of the instance's role."""


@dataclass(frozen=True)
class Package:
    """The worker's package in the region's bucket of assets."""

    bucket: str
    key: str


def variables(cluster: str, place: Place, region: str) -> dict[str, str]:
    """What the machine is told (`scheduler.remote.offer`)."""
    return {
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "CYCLONE_ACCOUNT": place.account,
        "CYCLONE_CLUSTER": cluster,
        "CYCLONE_HOST": place.host,
        "CYCLONE_IDLE_S": str(IDLE_S),
        "CYCLONE_LAUNCH": "EC2",
        "CYCLONE_MAIN_REGION": place.main_region,
        "CYCLONE_REGION": region,
        "CYCLONE_WORKER_DIR": unit_file.HOME,
    }


def script(package: Package, region: str, told: Mapping[str, str]) -> str:
    """The script. told: the machine's variables."""
    lines = "".join(f"{name}={json.dumps(value)}\n" for name, value in sorted(told.items()))
    unit = unit_file.text(f'PYTHON -ISE -c "{_PROGRAM}" machine', ends_machine=True)
    where = " ".join(shlex.quote(each) for each in (package.bucket, package.key, region))
    return f"""#!/bin/bash
# This instance works for a cluster of Cyclone, and ends by itself when there is nothing to do.
exec > >(tee -a /dev/console) 2>&1
fail() {{ echo "Cyclone: $*. This instance ends"; shutdown -h now; exit 1; }}
find_python() {{
  for name in {" ".join(PYTHONS)}; do
    python=$(command -v "$name") && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return 0
  done
  return 1
}}
for attempt in 1 2 3 4 5; do
  find_python && break
  dnf install --assumeyes --quiet {_INSTALLED} || sleep 5
done
find_python || fail "there is no Python of 3.11 or later, and it cannot be installed"
umask 022
mkdir -p {_ROOT} /etc/cyclone
"$python" - {where} {_ROOT}/worker.zip <<'CYCLONE_FETCH' || fail "the package of the worker cannot be fetched"
{FETCH.strip()}
CYCLONE_FETCH
"$python" -m zipfile -e {_ROOT}/worker.zip {_ROOT} && rm {_ROOT}/worker.zip || fail "the package of the worker cannot be unpacked"
"$python" -m compileall -q {_ROOT}
id -u {unit_file.USER} >/dev/null 2>&1 || useradd --system --home-dir {unit_file.HOME} --shell /bin/bash {unit_file.USER}
mkdir -p {unit_file.HOME} && chown {unit_file.USER}: {unit_file.HOME} && chmod 700 {unit_file.HOME}
(umask 077; cat > {unit_file.ENVIRONMENT}) <<'{END_OF_VARIABLES}'
{lines}{END_OF_VARIABLES}
sed "s|PYTHON|$python|" > /etc/systemd/system/{unit_file.NAME} <<'CYCLONE_UNIT'
{unit}CYCLONE_UNIT
systemctl daemon-reload && systemctl enable --now {unit_file.NAME} || fail "the worker cannot be started"
"""

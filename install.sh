#!/usr/bin/env bash
# Installs Cyclone for one user: no root, nothing but Python needed. `bash install.sh --help` says how.
#
# In an active virtual environment it installs there. Otherwise it makes one of its own below XDG_DATA_HOME and puts the six
# commands into ~/.local/bin. Everything it makes is written down, so that --uninstall takes away that and nothing else.
set -euo pipefail

readonly COMMANDS="cyclone hyper qsub qstat qlog qdel"
readonly LAUNCHED="qsub qstat qlog qdel" # these start from launchers, the others from Python entry points
readonly MARK="Made by Cyclone's install.sh"
export HOME="${HOME:-$(cd ~ && pwd)}" # cron and CI may leave it out
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
data_dir=${XDG_DATA_HOME:-$HOME/.local/share}/cyclone
bin_dir=${XDG_BIN_HOME:-$HOME/.local/bin}
made_list=$data_dir/made-by-install
export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONHOME PYTHONPATH

usage() {
  local tilde="~"
  cat <<EOF
Usage: bash install.sh [--demo | --test [-- PYTEST OPTIONS] | --uninstall] [--extras NAMES] [--python PYTHON]

  (nothing)         install cyclone, hyper, qsub, qstat, qlog and qdel
  --demo            install, then run a sample array of 300 scripts on this machine and show the result
  --test            install what the tests need into an environment of their own and run them
  --uninstall       take away what this script made; jobs and their output stay
  --extras NAMES    optional parts, separated by commas: aws (deploy to AWS), sandbox (an AWS on this machine), worker, test
  --python PYTHON   the Python to use (3.11 or later), a command or a path

In an active virtual environment the commands go into it. Otherwise they go to ${bin_dir/#"$HOME"/$tilde} and what they need to
${data_dir/#"$HOME"/$tilde} (XDG_BIN_HOME and XDG_DATA_HOME choose other places).
EOF
}

main() {
  local action=install extras="" python=${CYCLONE_PYTHON:-}
  local pytest_options=()
  while [ $# -gt 0 ]; do
    case $1 in
      --demo | --test | --uninstall) action=${1#--} ;;
      --extras) needs_value "$@" && extras=$2 && shift ;;
      --extras=*) extras=${1#*=} ;;
      --python) needs_value "$@" && python=$2 && shift ;;
      --python=*) python=${1#*=} ;;
      -h | --help) usage && exit 0 ;;
      --) shift && pytest_options=("$@") && break ;;
      *) fail_usage "unknown option $1" ;;
    esac
    shift
  done
  check_extras "$extras"
  case $action in
    install)
      install "$python" "$extras"
      advise_path
      ;;
    demo)
      install "$python" "$extras"
      demo
      advise_path
      ;;
    test) run_tests "$python" ${pytest_options[@]+"${pytest_options[@]}"} ;;
    uninstall) uninstall ;;
  esac
}

# ---------------------------------------------------------------------------------------------------------------- messages

say() { printf '%s\n' "$*"; }

fail() { # what happened: why. What to do next
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

fail_usage() {
  printf 'install.sh: %s. See: bash install.sh --help\n' "$*" >&2
  exit 2
}

needs_value() { [ $# -ge 2 ] || fail_usage "$1 needs a value"; }

check_extras() {
  local name
  for name in ${1//,/ }; do
    case $name in
      aws | sandbox | worker | test) ;;
      *) fail_usage "there is no extra named $name: choose from aws, sandbox, worker, test" ;;
    esac
  done
}

quietly() { # run a step without its output; when it fails, show the end of it and say what may help
  local title=$1 log status=0
  shift
  log=$(mktemp "${TMPDIR:-/tmp}/cyclone-install.XXXXXX")
  say "$title"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -eq 0 ]; then
    rm -f "$log"
    return
  fi
  tail -n 15 "$log" >&2
  fail "$title failed (exit status $status): the last lines are above, all of it is in $log. $(advice "$log")"
}

advice() { # what to do next about a failed step
  if grep -qi 'no space left\|disk quota' "$1"; then
    say "The disk is full: make room, then run this again."
  elif grep -qi 'no matching distribution\|connection\|name resolution\|proxyerror\|ssl\|timed out' "$1"; then
    say "Packages could not be fetched: check the network, and behind a proxy set HTTPS_PROXY or PIP_INDEX_URL; then run this again."
  elif grep -qi 'permission denied\|read-only file system' "$1"; then
    say "A directory cannot be written: choose others with XDG_DATA_HOME and XDG_BIN_HOME, then run this again."
  else
    say "Running this again is safe; nothing is done twice."
  fi
}

# ------------------------------------------------------------------------------------------------------------------ Python

is_recent() { "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() { # print a Python of version 3.11 or later; $1: the user's choice or nothing
  local candidate
  if [ -n "$1" ]; then
    is_recent "$1" || fail "$1 does not run or is older than Python 3.11, which Cyclone needs. Choose another with --python"
    command -v "$1"
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11 python3.14 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3 \
    /usr/local/bin/python3 /opt/homebrew/bin/python3; do
    if command -v "$candidate" >/dev/null 2>&1 && is_recent "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  if command -v uv >/dev/null 2>&1 && uv python find '>=3.11' 2>/dev/null; then
    return
  fi
  fail "no Python 3.11 or later was found. Install one (Debian 12, Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv;" \
    "Fedora, RHEL: sudo dnf install python3.12; macOS: brew install python; or: uv python install 3.13), then run this again." \
    "One that is not on the PATH can be named with --python"
}

make_environment() { # a virtual environment in directory $1 with Python $2, kept when it is there and works
  local env=$1 python=$2
  if [ -x "$env/bin/python" ] && is_recent "$env/bin/python"; then
    return
  fi
  if [ -e "$env" ]; then
    [ -f "$env/pyvenv.cfg" ] || fail "$env exists and is no virtual environment: it was left alone. Move it away and run this again"
    rm -rf "$env" # its Python is gone, for example after an upgrade of the system
  fi
  mkdir -p "$(dirname "$env")" || fail "$(dirname "$env") cannot be made. Choose another place with XDG_DATA_HOME"
  local title="Making a virtual environment in $env"
  if "$python" -I -c 'import venv, ensurepip' 2>/dev/null; then
    quietly "$title" "$python" -m venv "$env"
  elif command -v uv >/dev/null 2>&1; then
    quietly "$title (with uv)" uv venv --quiet --seed --python "$python" "$env"
  elif command -v virtualenv >/dev/null 2>&1; then
    quietly "$title (with virtualenv)" virtualenv --quiet --python "$python" "$env"
  else
    fail "$python cannot make virtual environments: its venv module is missing or incomplete. On Debian and Ubuntu:" \
      "sudo apt-get install python3-venv (or python3.X-venv for another version); without root: install uv or virtualenv. Then run this again"
  fi
}

install_package() { # install this checkout with extras $2 into the environment of Python $1
  local python=$1 extras=$2 uri
  uri=$("$python" -I -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).as_uri())' "$source_dir")
  local requirement="cyclone-hpc${extras:+[$extras]} @ $uri"
  local title="Installing Cyclone${extras:+ with $extras}"
  if "$python" -I -m pip --version >/dev/null 2>&1 || "$python" -I -m ensurepip >/dev/null 2>&1; then
    quietly "$title" "$python" -I -m pip install --quiet "$requirement"
  elif command -v uv >/dev/null 2>&1; then
    quietly "$title (with uv)" uv pip install --quiet --python "$python" --reinstall-package cyclone-hpc "$requirement"
  else
    fail "the environment of $python has no pip: Cyclone cannot be installed into it. Make another (python3 -m venv .env), activate it, run this again"
  fi
}

# ----------------------------------------------------------------------------------------------------------------- install

install() {
  if [ -n "${VIRTUAL_ENV:-}" ]; then
    install_into_active "$2"
  else
    install_of_its_own "$1" "$2"
  fi
}

tell_of_running_hosts() { # a host that runs keeps the code it was started with; $1: the environment's Python
  "$1" -I - <<'EOF' 2>/dev/null || true
from cyclone_core.operations import hosts

for status in hosts.list_hosts()[0]:
    if status.state == "running":
        name = status.host.name
        print(f"The host {name} still runs the code from before. To change over (nothing is lost): hyper hosts stop {name} && hyper hosts start {name}")
EOF
}

check_starts() { # a command that was just put into directory $1
  "$1/qsub" --version >/dev/null || fail "the installed command $1/qsub does not start: see the message above. Take it away (bash install.sh --uninstall), then run this again"
}

install_into_active() {
  local python=$VIRTUAL_ENV/bin/python before
  is_recent "$python" || fail "the active virtual environment $VIRTUAL_ENV has no Python 3.11 or later. Run deactivate (this script then makes one), or activate another"
  commands_dir=$VIRTUAL_ENV/bin
  before=$(distributions "$python")
  install_package "$python" "$1"
  check_starts "$commands_dir"
  # What came along is written down once, at the first installation: afterwards nobody can tell it from what the user added.
  [ -f "$VIRTUAL_ENV/.cyclone-added" ] ||
    { LC_ALL=C comm -13 <(say "$before") <(distributions "$python") && say cyclone-hpc; } >"$VIRTUAL_ENV/.cyclone-added"
  say "Cyclone is installed in the active virtual environment: $COMMANDS."
  tell_of_running_hosts "$python"
}

distributions() { # names of what is installed beside Python $1, sorted
  "$1" -I -c 'from importlib.metadata import distributions as d; print(*sorted({x.name.lower().replace("_", "-") for x in d()}), sep="\n")' | LC_ALL=C sort
}

install_of_its_own() {
  local python env=$data_dir/venv
  refuse_foreign_commands
  python=$(find_python "$1")
  make_environment "$env" "$python"
  install_package "$env/bin/python" "$2"
  put_commands "$env"
  commands_dir=$bin_dir
  check_starts "$commands_dir"
  say "Cyclone is installed. Its commands are in $bin_dir: $COMMANDS."
  tell_of_running_hosts "$env/bin/python"
}

refuse_foreign_commands() { # never overwrite somebody else's qsub
  local name
  for name in $COMMANDS; do
    if [ -e "$bin_dir/$name" ] || [ -h "$bin_dir/$name" ]; then
      is_ours "$bin_dir/$name" || fail "$bin_dir/$name exists and is not this script's work: it was left alone." \
        "Move it away, or choose another directory: XDG_BIN_HOME=\$HOME/cyclone/bin bash install.sh"
    fi
  done
}

is_ours() { # was this command made by put_commands?
  case $(readlink "$1" || true) in
    "$data_dir"/venv/bin/*) return 0 ;;
    ?*) return 1 ;;
  esac
  [ -f "$1" ] && head -n 3 "$1" | grep -q "$MARK"
}

put_commands() { # the six commands of environment $1, in bin_dir
  local env=$1 name
  mkdir -p "$data_dir"
  [ -d "$bin_dir" ] || say "$bin_dir" >>"$made_list"
  mkdir -p "$bin_dir" || fail "$bin_dir cannot be made. Choose another place with XDG_BIN_HOME"
  for name in $COMMANDS; do
    rm -f "$bin_dir/$name"
    case " $LAUNCHED " in
      *" $name "*) launcher "$env" "$name" >"$bin_dir/$name" && chmod 755 "$bin_dir/$name" ;;
      *) ln -s "$env/bin/$name" "$bin_dir/$name" ;;
    esac
    grep -qxF "$bin_dir/$name" "$made_list" 2>/dev/null || say "$bin_dir/$name" >>"$made_list"
  done
}

launcher() { # text of command $2 of environment $1: absolute, as a link would cost every start a readlink
  local interpreter=$1/bin/python packages
  packages=$("$interpreter" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  if [ ${#interpreter} -gt 100 ] || [[ $interpreter == *[[:space:]]* ]] || [[ $packages == *[\"\\]* ]]; then # no line 1 for the kernel
    printf '#!/bin/sh\n# %s\nexec %q "$@"\n' "$MARK" "$1/bin/$2"
    return
  fi
  cat <<EOF
#!$interpreter -ISE
# $MARK. Without \`site\`: it would be a third of the command's time.
import sys
sys.path.append("$packages")
from cyclone_tui.cli.launch import run
run()
EOF
}

advise_path() { # how to call the commands, when they cannot be called yet
  local found line="export PATH=\"$commands_dir:\$PATH\"" profile=.bashrc
  case ":$PATH:" in
    *":$commands_dir:"*)
      found=$(command -v qsub || true)
      [ "$found" = "$commands_dir/qsub" ] || say "Note: $found comes first on the PATH. To use Cyclone's put $commands_dir before it."
      return
      ;;
  esac
  case ${SHELL:-} in
    */zsh) profile=.zshrc ;;
    */fish) line="fish_add_path \"$commands_dir\"" && profile=.config/fish/config.fish ;;
  esac
  say "The commands are not on your PATH yet. For this shell, and for later ones:"
  say "  $line"
  say "  echo '$line' >> ~/$profile"
}

demo() {
  say ""
  PATH=$commands_dir:$PATH "$(python_of "$commands_dir")" -I -m cyclone_tui.cli.demo "$source_dir/examples/demo"
}

python_of() { # the Python behind the commands in directory $1
  if [ "$1" = "$bin_dir" ] && [ -z "${VIRTUAL_ENV:-}" ]; then say "$data_dir/venv/bin/python"; else say "$1/python"; fi
}

# -------------------------------------------------------------------------------------------------------------------- test

run_tests() { # $1: the chosen Python or nothing; then options for pytest
  local python env=$source_dir/.venv-test status=0
  python=$(find_python "$1")
  shift
  if [ ! -w "$source_dir" ]; then
    env=${XDG_CACHE_HOME:-$HOME/.cache}/cyclone/venv-test
    export HYPOTHESIS_STORAGE_DIRECTORY=$env/hypothesis PYTHONDONTWRITEBYTECODE=1
    set -- -p no:cacheprovider "$@"
  fi
  make_environment "$env" "$python"
  # Not editable: the tests run the commands as users have them.
  install_package "$env/bin/python" test
  cd "$source_dir"
  # Two at a time: most of them wait for processes. A file's tests stay together, so whatever they share is made once.
  PATH=$env/bin:$PATH "$env/bin/pytest" --numprocesses 3 --dist loadfile "$@" || status=$?
  if [ "$status" -eq 0 ]; then say "All tests passed."; else say "Tests failed (pytest's exit status is $status)."; fi
  return "$status"
}

# --------------------------------------------------------------------------------------------------------------- uninstall

uninstall() {
  local found=""
  if [ -n "${VIRTUAL_ENV:-}" ] && [ -f "$VIRTUAL_ENV/.cyclone-added" ]; then
    found=yes
    stop_hosts "$VIRTUAL_ENV"
    uninstall_from_active
  fi
  if [ -z "${VIRTUAL_ENV:-}" ] && { [ -d "$data_dir/venv" ] || [ -f "$made_list" ]; }; then
    found=yes
    if is_recent "$data_dir/venv/bin/python"; then stop_hosts "$data_dir/venv"; fi
    uninstall_its_own
  fi
  local env
  for env in "$source_dir/.venv-test" "${XDG_CACHE_HOME:-$HOME/.cache}/cyclone/venv-test"; do
    if [ -f "$env/pyvenv.cfg" ]; then
      rm -rf "$env" && say "Removed the tests' environment $env."
      found=yes
    fi
  done
  [ -n "$found" ] || say "Nothing to remove: this script installed nothing here${VIRTUAL_ENV:+ in $VIRTUAL_ENV; run deactivate first if you mean your own installation}."
}

stop_hosts() { # end local hosts, whose code is about to go, and tell where their state stays
  local python=$1/bin/python state
  "$python" -I - <<'EOF' || say "Warning: a local host may still be running: its last message is above."
from cyclone_core.operations import hosts

for status in hosts.list_hosts()[0]:
    if status.host.type == "local" and hosts.stop(status.host):
        print(f"Stopped the local host {status.host.name}; its running tasks went back to Waiting.")
EOF
  state=$("$python" -I -c 'from cyclone_core.paths import state_root; print(state_root())' 2>/dev/null) || return 0
  if [ -d "$state" ]; then say "Your jobs and their output stay in $state. To delete them too: rm -r $(printf %q "$state")"; fi
}

uninstall_from_active() { # Cyclone and what came with it, but nothing that another package needs
  local added=$VIRTUAL_ENV/.cyclone-added names
  names=$("$VIRTUAL_ENV/bin/python" -I - "$added" <<'EOF'
import re
import sys
from importlib.metadata import distributions


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


added = {plain(line.strip()) for line in open(sys.argv[1]) if line.strip()}
needs = {plain(d.name): {plain(re.match(r"[\w.-]+", r)[0]) for r in d.requires or ()} for d in distributions()}
kept = set(needs) - added
while more := {n for name in kept for n in needs.get(name, ())} & set(needs) - kept:
    kept |= more
print(*sorted(set(needs) & added - kept), sep="\n")
EOF
  )
  if [ -n "$names" ]; then
    # shellcheck disable=SC2086  # names of packages have no spaces
    if "$VIRTUAL_ENV/bin/python" -I -m pip --version >/dev/null 2>&1; then
      quietly "Removing Cyclone from $VIRTUAL_ENV" "$VIRTUAL_ENV/bin/python" -I -m pip uninstall --yes $names
    else
      quietly "Removing Cyclone from $VIRTUAL_ENV (with uv)" uv pip uninstall --python "$VIRTUAL_ENV/bin/python" $names
    fi
  fi
  rm -f "$added"
  say "Cyclone is removed from the active virtual environment."
}

uninstall_its_own() {
  local path
  if [ -f "$made_list" ]; then
    while IFS= read -r path; do
      if [ ! -d "$path" ] && is_ours "$path"; then rm -f "$path"; fi
    done <"$made_list"
    while IFS= read -r path; do
      if [ -d "$path" ]; then rmdir "$path" 2>/dev/null || true; fi # only when nothing else is in it
    done <"$made_list"
  fi
  if [ -f "$data_dir/venv/pyvenv.cfg" ]; then rm -rf "$data_dir/venv"; fi
  rm -f "$made_list"
  rmdir "$data_dir" 2>/dev/null || true
  say "Cyclone is removed: its commands in $bin_dir and its environment in $data_dir."
}

main "$@"

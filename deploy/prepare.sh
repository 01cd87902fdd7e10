#!/bin/sh
# Prepares a fresh Debian or Ubuntu machine: system packages and the virtual environment .venv.
#
#   deploy/prepare.sh run    what `mutsura serve` needs
#   deploy/prepare.sh test   also what the tests and linters need
#
# As root it installs missing system packages with apt-get; otherwise it says what to install.
set -eu

purpose=${1:-run}
venv=${VENV:-.venv}

missing=""
need() { # PACKAGE CHECK...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

has_library() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q "$1"; }
has_program() { PATH="$PATH:/usr/sbin" command -v "$1"; }
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=/path/to/python3" >&2
    exit 1
}

install_packages() {
    [ -z "$missing" ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing system packages. Install them and repeat: sudo apt-get install$missing" >&2
        exit 1
    fi
    echo "Installing$missing"
    # A package must not start a service of its own: ours are started by us.
    apt-get update -qq
    # shellcheck disable=SC2086
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        $missing >/dev/null
}

python=$(find_python)
[ -x "$venv/bin/python" ] || need python3-venv "$python" -c 'import ensurepip'
need libcurl4 has_library 'libcurl\.so\.4'
need libssl3 has_library 'libssl\.so\.3'
if [ "$purpose" != run ]; then
    need mosquitto has_program mosquitto
    need mosquitto-clients has_program mosquitto_pub
fi
install_packages

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
extra=""
[ "$purpose" = run ] || extra="[dev]"
echo "Installing Mutsura into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile -e ".$extra"

#!/usr/bin/env bash
# Runs the Node clients' conformance cases, or the script whose name comes first. Installs what package-lock.json names on first use;
# DOORBUSTER_NODE says where (default: target/node).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
modules=${DOORBUSTER_NODE:-$here/../../target/node}
mkdir -p "$modules"
modules=$(cd "$modules" && pwd)

install() {
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$modules/" &&
        (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

if ! cmp --silent "$here/package-lock.json" "$modules/package-lock.json"; then
    # Half an installation must not pass for a whole one.
    install || {
        rm -f "$modules/package-lock.json"
        exit 1
    }
fi
script=conformance.mjs
if [[ ${1:-} == *.mjs ]]; then
    script=$1
    shift
fi
DOORBUSTER_NODE=$modules exec node "$here/$script" "$@"

#!/usr/bin/env bash
# Runs the Node clients' conformance cases, or the script named as the first argument. Installs the
# packages of package-lock.json on first use; DOORBUSTER_NODE sets the path (default: target/node).
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
    # An incomplete installation must not be used.
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

#!/usr/bin/env bash
# Checks a client library and tries it on a server: tests/clients.sh python|node [BINARY]. Lints, checks
# types, builds the package, installs it where nothing else is, and runs its tests and its examples there.
# Packages are installed into target/; BINARY is target/release/doorbuster if absent.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kind=${1:?python or node}
DOORBUSTER_BIN=$(realpath "${2:-$repository/target/release/doorbuster}")
export DOORBUSTER_BIN PIP_DISABLE_PIP_VERSION_CHECK=1
[ -x "$DOORBUSTER_BIN" ] || { echo "there is no server at $DOORBUSTER_BIN" >&2 && exit 2; }
made=$repository/target/client-$kind
mkdir -p "$made"

# Installs packages into the virtual environment of that name. Only the first one has a pip, which takes
# seconds to install; it serves the others.
installed() {
    local at=$made/$1
    shift
    [ -x "$made/build/bin/pip" ] || python3 -m venv --clear "$made/build"
    [ -x "$at/bin/python" ] || python3 -m venv --clear --without-pip "$at"
    "$made/build/bin/pip" --python "$at/bin/python" install --quiet "$@"
}

# The packages that this table of pyproject.toml names.
listed() {
    awk -v key="$1 = [" 'index($0, key) == 1 { on = 1 } on { print } on && /\]$/ { exit }' pyproject.toml |
        grep -o '"[^"]*"' | tr -d '"'
}

# The examples sell out while the server is killed, and their book is compared with the log.
order_book() {
    python3 "$repository/tests/python/order_book.py" "$DOORBUSTER_BIN" "$@"
}

python() {
    local building checking wheel
    cd "$repository/clients/python"
    mapfile -t building < <(listed requires)
    mapfile -t checking < <(listed check)
    installed build build "${building[@]}"
    rm -rf "$made/dist" "$made/clean"
    "$made/build/bin/python" -m build --no-isolation --outdir "$made/dist" . >"$made/build.log" ||
        { cat "$made/build.log" && exit 1; }
    wheel=$(echo "$made"/dist/*.whl)
    # Only what the package itself requires is there.
    installed clean "$wheel"
    rm -rf "$made"/check/lib/*/site-packages/doorbuster*
    installed check "${checking[@]}" "$wheel"
    "$made/check/bin/ruff" format --check .
    "$made/check/bin/ruff" check .
    "$made/check/bin/mypy"
    DOORBUSTER_EXAMPLE_PYTHON=$made/clean/bin/python "$made/check/bin/pytest"
    order_book "$made/clean/bin/python" examples/shop.py examples/orders.py
    ls -l "$made/dist"
}

node_package() {
    local shop=$made/shop tsc=$repository/clients/node/node_modules/.bin/tsc
    cd "$repository/clients/node"
    if ! cmp --silent package-lock.json node_modules/installed.json; then
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
        cp package-lock.json node_modules/installed.json
    fi
    node_modules/.bin/biome check .
    npm pack --silent --pack-destination "$made"
    # An empty project with nothing but the package, the types of Node and the example.
    rm -rf "$shop"
    mkdir -p "$shop"
    cp examples/shop.ts examples/orders.ts "$shop"
    awk '/^```ts$/ { on = 1; next } /^```$/ { on = 0 } on' README.md >"$shop/readme.ts"
    (
        cd "$shop"
        echo '{"type": "module", "private": true}' >package.json
        npm install --no-audit --no-fund --loglevel=error "$made"/doorbuster-client-*.tgz @types/node@20
        "$tsc" --strict --module nodenext --target es2022 --types node shop.ts orders.ts readme.ts
    )
    "$tsc" -p tsconfig.test.json
    DOORBUSTER_EXAMPLE=$shop/shop.js node --test build/tests/*.test.js
    order_book node "$shop/shop.js" "$shop/orders.js"
    ls -l "$made"/*.tgz
}

case $kind in
python) python ;;
node) node_package ;;
*) echo "there is no client for $kind: python or node" >&2 && exit 2 ;;
esac

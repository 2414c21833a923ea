#!/usr/bin/env bash
# Runs client.py, or the script named as the first argument, against the release binary. Creates a
# virtual environment on first use; DOORBUSTER_VENV sets its path (default: target/python).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${DOORBUSTER_VENV:-$here/../../target/python}
python=$venv/bin/python

script=client.py
case ${1-} in
*.py)
    script=$1
    shift
    ;;
esac
needed='grpc, grpc_tools, grpc_status, grpc_health, grpc_reflection, kurrentdbclient, opentelemetry.proto'
needed+=', requests, openapi_spec_validator, openapi_python_client, duckdb, pyarrow'
if ! "$python" -c "import $needed" 2>/dev/null; then
    python3 -m venv --clear "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
fi
exec "$python" "$here/$script" "$@"

# Common commands for work on doorbuster. `just` alone lists them. `just` is optional: each recipe is
# the command itself.

default:
    @just --list

# Everything that CI runs.
ci:
    bash .ci/run

# The quick check before a commit.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The code of the wire anew, after a change of a proto file.
wire:
    cargo run --manifest-path crates/wire/generate/Cargo.toml --target-dir target/generate

# All tests, or those with NAME in their path.
test NAME='':
    cargo test {{NAME}}

# A complete sale in a minute, on this machine.
demo *ARGS:
    cargo run -- demo {{ARGS}}

# Benchmark against a bare echo server.
bench *ARGS:
    cargo run --release -- bench {{ARGS}}

# The same purchase on doorbuster, Redis and PostgreSQL, in turns; benches/peers/README.md.
peers *ARGS:
    cargo build --release
    benches/peers/run {{ARGS}}

# Fault injection under load: kills, full disks, freezes, stops, checked from outside; then CYCLES more
# kills from Rust. Full disks need root for a mount.
torture SECONDS='600' CYCLES='100':
    cargo build --release
    tests/python/run.sh torture.py --seconds {{SECONDS}}
    DOORBUSTER_TORTURE_CYCLES={{CYCLES}} cargo test --release crash:: -- --nocapture

# What a power loss may leave on disk at hundreds of moments, opened and compared with all that left
# the server; docs/power-loss.md.
power *ARGS:
    cargo build --release
    tests/python/run.sh power_loss.py {{ARGS}}

# The client libraries: lints, types, packages, tests and examples on a server.
clients:
    cargo build --release
    tests/clients.sh python
    tests/clients.sh node

# The Python client against the release binary.
python:
    cargo build --release
    tests/python/run.sh

# Stripped binaries for x86-64 and arm64 Linux with licences and checksums, into target/dist-files; one
# architecture: just release x86_64. Needs a checkout without changes; deploy/release says what else.
release *MACHINES:
    deploy/release {{MACHINES}}

# Licences and sources of all dependencies; needs cargo-deny.
deny:
    cargo deny check bans licenses sources

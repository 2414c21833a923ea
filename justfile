# What is typed often while working on doorbuster. `just` alone lists it. Nothing needs `just`:
# each recipe is the command itself.

default:
    @just --list

# What CI runs, all of it.
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

# A whole sale in a minute, on this machine.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# How fast it is here, against a bare echo server.
bench *ARGS:
    cargo run --release -- bench {{ARGS}}

# Break the server under load again and again: kills, full disks, freezes, stops, judged from
# outside; then CYCLES more kills from Rust. As root, because a full disk needs a mount.
torture SECONDS='600' CYCLES='100':
    cargo build --release
    tests/python/run.sh torture.py --seconds {{SECONDS}}
    DOORBUSTER_TORTURE_CYCLES={{CYCLES}} cargo test --release crash:: -- --nocapture

# The Python client against the release binary.
python:
    cargo build --release
    tests/python/run.sh

# Licences and sources of everything we depend on; needs cargo-deny.
deny:
    cargo deny check bans licenses sources

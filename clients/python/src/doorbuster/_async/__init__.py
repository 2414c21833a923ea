"""The client; `_sync` is made of `_async` by hatch_build.py."""

"""Writes the licences of all packages that a binary is made of, from the output of `cargo metadata`.

    cargo metadata --format-version 1 --filter-platform TRIPLE | deploy/licences.py

Packages of development, such as those of tests, are not in it.
"""

import json
import pathlib
import sys


def in_binary(metadata, root):
    """The ids of the packages that the binary is made of."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found, left = set(), [root]
    while left:
        package = left.pop()
        if package in found:
            continue
        found.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return found


def texts(package):
    """The files with licences and notices of a package."""
    directory = pathlib.Path(package["manifest_path"]).parent
    names = ("licen", "copying", "notice", "copyright")
    return sorted(file for file in directory.iterdir() if file.is_file() and file.name.lower().startswith(names))


def main():
    metadata = json.load(sys.stdin)
    packages = {package["id"]: package for package in metadata["packages"]}
    root = next(package["id"] for package in packages.values() if package["name"] == "doorbuster")
    ours = {package for package in metadata["workspace_members"]}
    others = [packages[package] for package in in_binary(metadata, root) - ours]
    seen = {}
    for package in sorted(others, key=lambda package: (package["name"], package["version"])):
        licence = package["license"] or "see the text"
        print(f"{package['name']} {package['version']}: {licence}")
        for file in texts(package):
            seen.setdefault(file.read_text(encoding="utf-8", errors="replace").strip(), []).append(package["name"])
    for text, names in seen.items():
        print(f"\n{'=' * 80}\n{', '.join(sorted(set(names)))}\n\n{text}")


if __name__ == "__main__":
    main()

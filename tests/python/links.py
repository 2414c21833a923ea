"""Checks that every relative link in the Markdown files leads to a file that is there.

Links into the web are not followed: a page that is down must not fail a build.
"""

import pathlib
import re
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = {"target", ".git", "node_modules"}
# Fenced blocks hold examples, not links.
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def main():
    broken = links = 0
    pages = [p for p in REPOSITORY.rglob("*.md") if not SKIPPED & set(p.parts)]
    for page in sorted(pages):
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            links += 1
            path = target.split("#")[0]
            if not (page.parent / path).exists():
                broken += 1
                print(f"{page.relative_to(REPOSITORY)}: {target} leads nowhere")
    print(f"{links} relative links in {len(pages)} pages, {broken} broken")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()

"""What a disk may hold after a power loss, by the trace of what was written and synced.

The rules are those that POSIX leaves to a file system, and Linux's own for a sync that failed:

- What was written to a file before a sync of it began, and that sync ended, is there.
- Of what was written later, each sector of 512 bytes has the content before or after any of the writes to it,
  independently of all others.
- A file has the size that was synced, or any later one. Where it grew, sectors that did not arrive are zeros. Where
  it was cut, all behind is gone; before the cut arrives, nothing arrives that was written after it.
- Names that were made, changed or removed count from a sync of their directory on. Before that, each change
  may be there or not.
- A sync that failed leaves the pages of 4,096 bytes that it was to write out of every later sync, until they are
  written again.
"""

import os
import shutil
import typing

from . import trace

PAGE, SECTOR = 4096, 512
SECTORS = PAGE // SECTOR
ZEROS = bytes(PAGE)
STRATEGIES = ("nothing", "everything", "prefix", "torn", "sectors", "pages", "last only", "all but one",
              "only one", "zeros")


class Write(typing.NamedTuple):
    number: int
    at: int
    end: int
    # None: zeros, because the file was cut.
    data: memoryview | None


class Size(typing.NamedTuple):
    number: int
    size: int
    cut: bool


class Entry(typing.NamedTuple):
    """A change of a directory."""

    number: int
    gone: str | None
    name: str | None
    node: "Node | None"


class Page:
    """Writes to a page that no sync covers yet."""

    __slots__ = ("writes", "clean")

    def __init__(self):
        self.writes = []
        # What was written before this record was to be synced, and the sync failed.
        self.clean = -1


class Node:
    """A file or a directory. What is durable of a file is in a file of its own."""

    def __init__(self, path, serial, directory):
        self.path, self.serial, self.is_directory = path, serial, directory is None
        # Of a directory.
        self.entries, self.changes, self.now = {}, [], {}
        # Of a file.
        self.pages, self.sizes = {}, []
        self.size = self.durable_size = 0
        if directory is not None:
            self.base = directory / f"{serial}"
            self.fd = os.open(self.base, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, number, at, data):
        self._touch(Write(number, at, at + len(data), data))
        if at + len(data) > self.size:
            self._resize(number, at + len(data))

    def cut(self, number, size):
        if size < self.size:
            self._touch(Write(number, size, self.size, None))
        self._resize(number, size)

    def _touch(self, write):
        for page in range(write.at // PAGE, (write.end - 1) // PAGE + 1):
            pending = self.pages.get(page)
            if pending is None:
                pending = self.pages[page] = Page()
            pending.writes.append(write)

    def _resize(self, number, size):
        self.sizes.append(Size(number, size, size < self.size))
        self.size = size

    def synced(self, begin, ok):
        """A sync that began there has ended."""
        if self.is_directory:
            if ok:
                self._names_synced(begin)
            return
        if not ok:
            for pending in self.pages.values():
                if pending.writes[0].number < begin:
                    pending.clean = begin
            return
        for change in self.sizes:
            if change.number < begin:
                self.durable_size = change.size
        self.sizes = [change for change in self.sizes if change.number >= begin]
        os.ftruncate(self.fd, self.durable_size)
        for page, pending in list(self.pages.items()):
            covered = [write for write in pending.writes if write.number < begin]
            if not covered or covered[-1].number < pending.clean:
                continue
            if page * PAGE < self.durable_size:
                content = self.read(page)
                for write in covered:
                    apply(content, page, write)
                put(self.fd, page, content, self.durable_size)
            pending.writes = pending.writes[len(covered):]
            if not pending.writes:
                del self.pages[page]

    def _names_synced(self, begin):
        for change in self.changes:
            if change.number < begin:
                rename(self.entries, change)
        self.changes = [change for change in self.changes if change.number >= begin]

    def read(self, page):
        content = bytearray(os.pread(self.fd, PAGE, page * PAGE))
        content.extend(ZEROS[len(content):])
        return content


def put(fd, page, content, size):
    """Writes a page, up to the size of its file."""
    at = page * PAGE
    os.pwrite(fd, content[: max(0, min(PAGE, size - at))], at)


def apply(content, page, write):
    """Puts into a page what a write puts there."""
    start = page * PAGE
    begin, end = max(write.at, start), min(write.end, start + PAGE)
    if write.data is None:
        content[begin - start : end - start] = ZEROS[: end - begin]
    else:
        content[begin - start : end - start] = write.data[begin - write.at : end - write.at]


def rename(entries, change):
    if change.gone is not None:
        entries.pop(change.gone, None)
    if change.name is not None:
        entries[change.name] = change.node


class Disk:
    """Follows a trace and keeps what is durable in `directory`."""

    def __init__(self, directory):
        self.directory = directory
        self.root = Node("", 0, None)
        self.nodes, self.serial, self.begun, self.open = {}, 0, {}, []

    def apply(self, record):
        kind, number = record.kind, record.number
        if kind == trace.WRITE:
            if record.result > 0:
                self.nodes[record.file].write(number, record.value, record.data[: record.result])
        elif kind == trace.SYNC_BEGIN:
            self.begun[number] = self.nodes[record.file]
        elif kind == trace.SYNC_END:
            self.begun.pop(record.value).synced(record.value, record.result == 0)
        elif kind == trace.START:
            # The syncs of a process that was killed have not ended.
            self.begun.clear()
            self.nodes[record.file] = self.root
        elif kind == trace.SIZE:
            if record.result == 0:
                self.nodes[record.file].cut(number, record.value)
        elif kind in (trace.CREATE, trace.MKDIR):
            self.serial += 1
            path = record.text()
            directory = self.directory if kind == trace.CREATE else None
            node = self.nodes[record.file] = Node(path, self.serial, directory)
            if directory is not None:
                self.open.append(node.fd)
            self._change(number, None, path, node)
        elif kind == trace.RENAME:
            gone, name = record.text().split("\0")
            self._change(number, gone, name, self.nodes[record.file])
            self.nodes[record.file].path = name
        elif kind in (trace.UNLINK, trace.RMDIR):
            self._change(number, record.text(), None, None)
        else:
            raise AssertionError(f"the trace does not show {record.text()}")

    def _change(self, number, gone, name, node):
        parent, gone = self.parent(gone) if gone is not None else (None, None)
        if name is not None:
            other, name = self.parent(name)
            assert parent in (None, other), "a rename between directories"
            parent = other
        change = Entry(number, gone, name, node)
        parent.changes.append(change)
        rename(parent.now, change)

    def close(self):
        for fd in self.open:
            os.close(fd)

    def parent(self, path):
        node, (*folders, name) = self.root, path.split("/")
        for folder in folders:
            node = node.now[folder]
        return node, name


class Loss:
    """What is there after a power loss now: the choices of a strategy, for the files whose paths are wanted."""

    def __init__(self, disk, strategy, random, wanted):
        self.strategy, self.random, self.wanted = strategy, random, wanted
        self.files, self.folders = {}, []
        numbers = sorted(self._pending(disk.root, "", set()))
        # Everything up to this record, or from it on.
        self.turn = random.choice(numbers) if numbers else 0
        self.pending = len(numbers)
        self._walk(disk.root, "")

    def _pending(self, node, path, found):
        found.update(change.number for change in node.changes)
        for name, child in node.now.items():
            if not self.wanted(path + name):
                continue
            if child.is_directory:
                self._pending(child, path + name + "/", found)
            else:
                found.update(write.number for page in child.pages.values() for write in page.writes)
                found.update(change.number for change in child.sizes)
        return found

    def _walk(self, node, path):
        for name, child in self._names(node).items():
            if not self.wanted(path + name):
                continue
            if child.is_directory:
                self.folders.append(path + name)
                self._walk(child, path + name + "/")
            else:
                self.files[path + name] = (child, *self._content(child))

    def _names(self, node):
        entries, random = dict(node.entries), self.random
        for change in node.changes:
            if self.strategy in ("everything", "zeros", "all but one"):
                there = True
            elif self.strategy in ("nothing", "only one"):
                there = False
            elif self.strategy in ("prefix", "torn"):
                there = change.number <= self.turn
            elif self.strategy == "last only":
                there = change.number >= self.turn
            else:
                there = random.random() < 0.5
            if there:
                rename(entries, change)
        return entries

    def _content(self, node):
        """Its size, and the pages that differ from what is durable."""
        if self.strategy == "nothing" or not (node.sizes or node.pages):
            return node.durable_size, {}
        taken = self._sizes_taken(node.sizes)
        size = node.sizes[taken - 1].size if taken else node.durable_size
        # What was written after a cut that did not arrive.
        end = next((change.number for change in node.sizes[taken:] if change.cut), None)
        one = None
        if self.strategy in ("all but one", "only one") and node.pages:
            one = (self.random.choice(list(node.pages)), self.random.randrange(SECTORS))
        pages = {}
        for page, pending in node.pages.items():
            writes = pending.writes
            if end is not None:
                writes = [write for write in writes if write.number < end]
            if writes and page * PAGE < size:
                content = self._page(node, page, writes, one)
                if content is not None:
                    pages[page] = content
        return size, pages

    def _sizes_taken(self, sizes):
        """How many of the changes of a size have arrived: they do so in order."""
        if self.strategy in ("everything", "zeros", "all but one"):
            return len(sizes)
        if self.strategy in ("prefix", "torn"):
            return sum(change.number <= self.turn for change in sizes)
        return self.random.randrange(len(sizes) + 1)

    def _page(self, node, page, writes, one):
        """Its content, where that is not what is durable."""
        strategy, random = self.strategy, self.random
        if strategy in ("prefix", "torn", "pages"):
            # A cut that has arrived has done so everywhere.
            least = max((nth + 1 for nth, write in enumerate(writes) if write.data is None), default=0)
            if strategy == "pages":
                there = writes[: random.randrange(least, len(writes) + 1)]
            else:
                there = [write for write in writes if write.number <= self.turn]
            content = node.read(page)
            for write in there:
                if strategy == "torn" and write.number == self.turn:
                    write = torn(write, random)
                apply(content, page, write)
            return content if there else None
        content = node.read(page)
        versions, least = [bytes(content)], [0] * SECTORS
        for write in writes:
            apply(content, page, write)
            versions.append(bytes(content))
            if write.data is None:
                for sector in range(SECTORS):
                    if page * PAGE + (sector + 1) * SECTOR > write.at:
                        least[sector] = len(versions) - 1
        if strategy == "everything":
            return content
        last = len(versions) - 1
        for sector in range(SECTORS):
            if strategy == "sectors":
                taken = random.randint(least[sector], last)
            elif strategy == "last only":
                taken = last if touches(writes, page, sector, self.turn) else least[sector]
            elif strategy == "all but one":
                taken = least[sector] if one == (page, sector) else last
            else:
                taken = last if one == (page, sector) else least[sector]
            begin = sector * SECTOR
            content[begin : begin + SECTOR] = versions[taken][begin : begin + SECTOR]
        return content

    def write(self, directory):
        """Puts the files into an empty directory. Each is the durable one itself, changed: `undo` makes it durable
        again."""
        changed = []
        self._make_folders(directory)
        for path, (node, size, pages) in self.files.items():
            os.link(node.base, directory / path)
            if pages or size != node.durable_size:
                before = {page: node.read(page) for page in pages if page * PAGE < node.durable_size}
                changed.append((node, before))
                self._fill(node.fd, size, pages)
        return changed

    def copy(self, directory):
        """Puts copies of the files into an empty directory."""
        self._make_folders(directory)
        for path, (node, size, pages) in self.files.items():
            shutil.copyfile(node.base, directory / path)
            with open(directory / path, "r+b") as file:
                self._fill(file.fileno(), size, pages)

    def _make_folders(self, directory):
        for folder in self.folders:
            (directory / folder).mkdir()

    def _fill(self, fd, size, pages):
        os.ftruncate(fd, size)
        for page, content in pages.items():
            put(fd, page, content, size)


def undo(changed):
    for node, before in reversed(changed):
        os.ftruncate(node.fd, node.durable_size)
        for page, content in before.items():
            put(node.fd, page, content, node.durable_size)


def torn(write, random):
    """The beginning of a write, up to the end of a sector."""
    sectors = range(write.at // SECTOR + 1, (write.end - 1) // SECTOR + 1)
    end = random.choice(sectors) * SECTOR if sectors else write.end
    return write._replace(end=end)


def touches(writes, page, sector, turn):
    """Whether a write from that record on reaches into a sector."""
    begin = page * PAGE + sector * SECTOR
    return any(write.number >= turn and write.at < begin + SECTOR and write.end > begin for write in writes)

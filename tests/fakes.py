"""Wrappers of the real ports that can kill a run at any of its side effects."""

from utils.folder_store import FolderStore


class Crash(BaseException):
    """The process died: not an Exception, so that nothing under test may tidy up."""


class Fuse:
    """Burns one step a side effect, and blows at the chosen one; what has blown stays dead."""

    def __init__(self, blow_at=None):
        self.steps = 0
        self.blow_at = blow_at
        self.blown = False

    def burn(self):
        if self.blown:
            raise Crash
        self.steps += 1
        if self.steps == self.blow_at:
            self.blown = True
            raise Crash


class FusedStore(FolderStore):
    """A folder whose every write can be the last thing before the crash, or the first thing after it."""

    def __init__(self, root, fuse):
        super().__init__(root)
        object.__setattr__(self, "fuse", fuse)

    def write(self, key, blocks):
        self.fuse.burn()
        written = super().write(key, blocks)
        self.fuse.burn()
        return written

    def create(self, key, body):
        self.fuse.burn()
        super().create(key, body)
        self.fuse.burn()

    def put(self, key, body):
        self.fuse.burn()
        super().put(key, body)


class FusedSession:
    """A warehouse session that can die before or after any statement that changes something."""

    def __init__(self, session, fuse):
        self._session = session
        self._fuse = fuse

    def run(self, sql, **parameters):
        reads = sql.lstrip().upper().startswith("SELECT")
        if reads:
            return self._session.run(sql, **parameters)
        self._fuse.burn()
        found = self._session.run(sql, **parameters)
        self._fuse.burn()
        return found

    def copy_in(self, statement, blocks):
        count = self._session.copy_in(statement, blocks)
        self._fuse.burn()
        return count

    def __getattr__(self, name):
        return getattr(self._session, name)

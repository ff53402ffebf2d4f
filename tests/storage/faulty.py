"""Connections that fail as a disk or another process makes them fail."""

import sqlite3


class Troubles:
    """Lets the nth statement fail, counted over all connections that it opens."""

    def __init__(self, code=sqlite3.SQLITE_IOERR, at=0):
        self.code = code
        self.left = at
        """Statements until the one that fails; 0: none will."""

    def connect(self, file):
        troubles = self

        class Connection(sqlite3.Connection):
            def execute(self, *arguments):
                troubles.meet()
                return super().execute(*arguments)

            def executemany(self, *arguments):
                troubles.meet()
                return super().executemany(*arguments)

        return sqlite3.connect(file, timeout=0, isolation_level=None, factory=Connection)

    def meet(self):
        if self.left:
            self.left -= 1
            if not self.left:
                error = sqlite3.OperationalError("made to fail")
                error.sqlite_errorcode = self.code
                raise error


def at_once(file):
    """A connection that does not wait for others."""
    return sqlite3.connect(file, timeout=0, isolation_level=None)
